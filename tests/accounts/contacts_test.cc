// Contacts of AccountService over the wire.
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {
namespace {

using grpc::StatusCode;

class ContactsTest : public CareTest {
 protected:
  grpc::Status Get(const std::string& id, v1::Contact* contact, std::optional<absl::Time> as_of = {}) {
    v1::GetContactRequest request;
    request.set_name("accounts/acme/contacts/" + id);
    if (as_of.has_value()) SetTimestamp(*as_of, request.mutable_as_of());
    v1::GetContactResponse response;
    const grpc::Status status = Send(*accounts_, &v1::AccountService::Stub::GetContact, request, &response);
    *contact = response.contact();
    return status;
  }
  v1::Contact Got(const std::string& id, std::optional<absl::Time> as_of = {}) {
    v1::Contact contact;
    const grpc::Status status = Get(id, &contact, as_of);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return contact;
  }
  static v1::UpdateContactRequest ChangeOf(const std::string& id) {
    v1::UpdateContactRequest request;
    request.mutable_contact()->set_name("accounts/acme/contacts/" + id);
    return request;
  }
  grpc::Status Change(const v1::UpdateContactRequest& request, v1::Contact* contact = nullptr) {
    v1::UpdateContactResponse response;
    const grpc::Status status = Send(*accounts_, &v1::AccountService::Stub::UpdateContact, request, &response);
    if (contact != nullptr) *contact = response.contact();
    return status;
  }
  grpc::Status Remove(const std::string& id, const std::string& etag = "") {
    v1::DeleteContactRequest request;
    request.set_name("accounts/acme/contacts/" + id);
    request.set_etag(etag);
    v1::DeleteContactResponse response;
    return Send(*accounts_, &v1::AccountService::Stub::DeleteContact, request, &response);
  }
  v1::ListContactsResponse List(int page_size = 0, const std::string& token = "", bool show_deleted = false) {
    v1::ListContactsRequest request;
    request.set_parent("accounts/acme");
    request.set_page_size(page_size);
    request.set_page_token(token);
    request.set_show_deleted(show_deleted);
    v1::ListContactsResponse response;
    const grpc::Status status = Send(*accounts_, &v1::AccountService::Stub::ListContacts, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
};

TEST_F(ContactsTest, ReadsBackWhatWasCreatedAlsoAfterARestart) {
  v1::CreateContactRequest request = ContactOf("ann");
  request.mutable_contact()->set_email("ann@acme.test");
  request.mutable_contact()->set_phone("+44 20 7946 0000");
  request.mutable_contact()->set_title("Head of Data");
  request.mutable_contact()->set_role(v1::CONTACT_ROLE_CHAMPION);
  v1::Contact created;
  ASSERT_TRUE(Add(request, &created).ok());
  EXPECT_EQ(created.name(), "accounts/acme/contacts/ann");
  EXPECT_EQ(ToTime(created.create_time()), clock_.Now());
  EXPECT_EQ(created.role(), v1::CONTACT_ROLE_CHAMPION);
  EXPECT_FALSE(created.has_delete_time());
  EXPECT_EQ(Got("ann").SerializeAsString(), created.SerializeAsString());
  Restart();
  EXPECT_EQ(Got("ann").SerializeAsString(), created.SerializeAsString());
}

TEST_F(ContactsTest, TheSameIdTwiceIsRefusedAndChangesNothing) {
  ASSERT_TRUE(Add(ContactOf("ann")).ok());
  v1::CreateContactRequest second = ContactOf("ann");
  second.mutable_contact()->set_display_name("Other");
  EXPECT_EQ(Add(second).error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Got("ann").display_name(), "The ann");
}

TEST_F(ContactsTest, TheAccountMustBeLive) {
  v1::CreateContactRequest request = ContactOf("ann");
  request.set_parent("accounts/none");
  EXPECT_EQ(Add(request).error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(Add(ContactOf("ann")).ok());
  ASSERT_TRUE(Delete("acme").ok());
  v1::Contact contact;
  EXPECT_EQ(Get("ann", &contact).error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(Undelete("acme").ok());
  EXPECT_TRUE(Get("ann", &contact).ok());
}

TEST_F(ContactsTest, NamesEveryBadField) {
  v1::CreateContactRequest request;
  EXPECT_EQ(BadFields(Add(request)), (Fields{"contact", "contact.display_name", "contact_id", "parent"}));
  request = ContactOf("a b");
  request.mutable_contact()->set_display_name("");
  request.mutable_contact()->set_phone(std::string(65, '1'));
  request.mutable_contact()->set_title("x\x01");
  request.mutable_contact()->set_role(static_cast<v1::ContactRole>(99));
  SetTimestamp(clock_.Now(), request.mutable_contact()->mutable_depart_time());
  SetTimestamp(clock_.Now() + absl::Seconds(1), request.mutable_effective_time());
  EXPECT_EQ(BadFields(Add(request)), (Fields{"contact.depart_time", "contact.display_name", "contact.phone",
                                             "contact.role", "contact.title", "contact_id", "effective_time"}));
}

TEST_F(ContactsTest, AnEmailIsLocalAtDomain) {
  for (const char* good : {"", "a@b", "first.last+tag@sub.example.org", "josé@exämple.org"}) {
    v1::CreateContactRequest request = ContactOf("ann");
    request.mutable_contact()->set_email(good);
    request.set_validate_only(true);
    EXPECT_TRUE(Add(request).ok()) << good;
  }
  for (const char* bad : {"a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n"}) {
    v1::CreateContactRequest request = ContactOf("ann");
    request.mutable_contact()->set_email(bad);
    EXPECT_EQ(BadFields(Add(request)), (Fields{"contact.email"})) << bad;
  }
}

TEST_F(ContactsTest, OnlyCheckingStoresNothing) {
  v1::CreateContactRequest request = ContactOf("ann");
  request.set_validate_only(true);
  v1::Contact answer;
  ASSERT_TRUE(Add(request, &answer).ok());
  EXPECT_EQ(answer.name(), "accounts/acme/contacts/ann");
  v1::Contact contact;
  EXPECT_EQ(Get("ann", &contact).error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(Add(ContactOf("ann")).ok());
  v1::UpdateContactRequest change = ChangeOf("ann");
  change.mutable_contact()->set_title("CTO");
  change.set_validate_only(true);
  ASSERT_TRUE(Change(change, &answer).ok());
  EXPECT_EQ(answer.title(), "CTO");
  EXPECT_EQ(Got("ann").title(), "");
}

TEST_F(ContactsTest, TheMaskDecidesWhatChanges) {
  v1::CreateContactRequest request = ContactOf("ann");
  request.mutable_contact()->set_email("ann@acme.test");
  request.mutable_contact()->set_title("CTO");
  ASSERT_TRUE(Add(request).ok());
  v1::UpdateContactRequest change = ChangeOf("ann");
  change.mutable_contact()->set_display_name("Ann");
  v1::Contact contact;
  ASSERT_TRUE(Change(change, &contact).ok());
  EXPECT_EQ(contact.display_name(), "Ann");
  EXPECT_EQ(contact.email(), "ann@acme.test") << "without a mask only what is set changes";
  change.mutable_update_mask()->add_paths("email");
  change.mutable_contact()->set_display_name("ignored");
  ASSERT_TRUE(Change(change, &contact).ok());
  EXPECT_EQ(contact.email(), "");
  EXPECT_EQ(contact.display_name(), "Ann");
  change.mutable_update_mask()->set_paths(0, "*");
  change.mutable_contact()->set_display_name("All");
  ASSERT_TRUE(Change(change, &contact).ok());
  EXPECT_EQ(contact.title(), "");
  change.mutable_update_mask()->set_paths(0, "size");
  change.mutable_contact()->set_name("x");
  EXPECT_EQ(BadFields(Change(change)), (Fields{"contact.name", "update_mask"}));
}

TEST_F(ContactsTest, AnEtagGuardsChangeAndDeletion) {
  v1::Contact contact;
  ASSERT_TRUE(Add(ContactOf("ann"), &contact).ok());
  v1::UpdateContactRequest change = ChangeOf("ann");
  change.mutable_contact()->set_title("CTO");
  change.mutable_contact()->set_etag(contact.etag());
  ASSERT_TRUE(Change(change, &contact).ok());
  change.mutable_contact()->set_title("CEO");
  EXPECT_EQ(Change(change).error_code(), StatusCode::ABORTED);
  EXPECT_EQ(Remove("ann", change.contact().etag()).error_code(), StatusCode::ABORTED);
  EXPECT_TRUE(Remove("ann", contact.etag()).ok());
}

TEST_F(ContactsTest, AChangeToTheSameIsNoChange) {
  v1::Contact before;
  ASSERT_TRUE(Add(ContactOf("ann"), &before).ok());
  clock_.Advance(absl::Hours(1));
  v1::UpdateContactRequest change = ChangeOf("ann");
  change.mutable_contact()->set_display_name("The ann");
  v1::Contact after;
  ASSERT_TRUE(Change(change, &after).ok());
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
}

TEST_F(ContactsTest, EveryVersionIsKeptWithItsTime) {
  const absl::Time noon = clock_.Now();
  ASSERT_TRUE(Add(ContactOf("ann")).ok());
  clock_.Advance(absl::Hours(1));
  v1::UpdateContactRequest change = ChangeOf("ann");
  change.mutable_contact()->set_title("CTO");
  ASSERT_TRUE(Change(change).ok());
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(Remove("ann").ok());
  v1::Contact contact;
  EXPECT_EQ(Get("ann", &contact, noon - absl::Microseconds(1)).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Got("ann", noon).title(), "");
  EXPECT_EQ(Got("ann", noon + absl::Hours(1) - absl::Microseconds(1)).title(), "");
  EXPECT_EQ(Got("ann", noon + absl::Hours(1)).title(), "CTO");
  EXPECT_FALSE(Got("ann", noon + absl::Hours(1)).has_delete_time());
  EXPECT_TRUE(Got("ann", noon + absl::Hours(2)).has_delete_time());
  EXPECT_TRUE(Got("ann").has_delete_time());
  v1::GetContactRequest future;
  future.set_name("ann");
  SetTimestamp(clock_.Now() + absl::Microseconds(1), future.mutable_as_of());
  v1::GetContactResponse response;
  EXPECT_EQ(BadFields(Send(*accounts_, &v1::AccountService::Stub::GetContact, future, &response)),
            (Fields{"as_of", "name"}));
}

TEST_F(ContactsTest, AVersionMayBeginInThePastButNotBeforeTheLastOne) {
  v1::CreateContactRequest request = ContactOf("ann");
  SetTimestamp(clock_.Now() - absl::Hours(48), request.mutable_effective_time());
  ASSERT_TRUE(Add(request).ok());
  v1::UpdateContactRequest change = ChangeOf("ann");
  change.mutable_contact()->set_title("CTO");
  SetTimestamp(clock_.Now() - absl::Hours(24), change.mutable_effective_time());
  ASSERT_TRUE(Change(change).ok());
  EXPECT_EQ(Got("ann", clock_.Now() - absl::Hours(25)).title(), "");
  EXPECT_EQ(Got("ann", clock_.Now() - absl::Hours(24)).title(), "CTO");
  change.mutable_contact()->set_title("CEO");
  SetTimestamp(clock_.Now() - absl::Hours(30), change.mutable_effective_time());
  EXPECT_EQ(BadFields(Change(change)), (Fields{"effective_time"}));
}

TEST_F(ContactsTest, WhoLeavesHasATimeOfLeaving) {
  ASSERT_TRUE(Add(ContactOf("ann")).ok());
  clock_.Advance(absl::Hours(1));
  v1::UpdateContactRequest change = ChangeOf("ann");
  change.mutable_contact()->set_departed(true);
  v1::Contact contact;
  ASSERT_TRUE(Change(change, &contact).ok());
  EXPECT_EQ(ToTime(contact.depart_time()), clock_.Now());
  SetTimestamp(clock_.Now() - absl::Hours(24), change.mutable_contact()->mutable_depart_time());
  ASSERT_TRUE(Change(change, &contact).ok());
  EXPECT_EQ(ToTime(contact.depart_time()), clock_.Now() - absl::Hours(24));
  EXPECT_EQ(List().contacts_size(), 1) << "who left is still listed";
  change.mutable_contact()->clear_depart_time();
  change.mutable_contact()->set_departed(false);
  change.mutable_update_mask()->add_paths("departed");
  ASSERT_TRUE(Change(change, &contact).ok());
  EXPECT_FALSE(contact.has_depart_time());
  change.mutable_update_mask()->set_paths(0, "depart_time");
  SetTimestamp(clock_.Now(), change.mutable_contact()->mutable_depart_time());
  EXPECT_EQ(BadFields(Change(change)), (Fields{"contact.depart_time"}));
}

TEST_F(ContactsTest, ADeletedContactLeavesListsAndItsIdMayBeUsedAgain) {
  ASSERT_TRUE(Add(ContactOf("ann")).ok());
  ASSERT_TRUE(Add(ContactOf("bob")).ok());
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(Remove("ann").ok());
  EXPECT_EQ(Remove("ann").error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Change(ChangeOf("ann")).error_code(), StatusCode::NOT_FOUND);
  ASSERT_EQ(List().contacts_size(), 1);
  EXPECT_EQ(List().contacts(0).name(), "accounts/acme/contacts/bob");
  EXPECT_EQ(List(0, "", true).contacts_size(), 2);
  const std::string deleted_etag = Got("ann").etag();
  v1::CreateContactRequest again = ContactOf("ann");
  again.mutable_contact()->set_display_name("Another");
  v1::Contact contact;
  ASSERT_TRUE(Add(again, &contact).ok());
  EXPECT_NE(contact.etag(), deleted_etag);
  EXPECT_FALSE(contact.has_delete_time());
  EXPECT_EQ(Got("ann", clock_.Now() - absl::Hours(1)).display_name(), "The ann");
  EXPECT_EQ(List().contacts_size(), 2);
}

TEST_F(ContactsTest, PagesSurviveWritesBetweenThem) {
  for (const char* id : {"a", "c", "e", "g"}) ASSERT_TRUE(Add(ContactOf(id)).ok());
  const v1::ListContactsResponse first = List(2);
  ASSERT_EQ(first.contacts_size(), 2);
  ASSERT_TRUE(Add(ContactOf("b")).ok());
  ASSERT_TRUE(Add(ContactOf("f")).ok());
  ASSERT_TRUE(Remove("e").ok());
  const v1::ListContactsResponse second = List(2, first.next_page_token());
  ASSERT_EQ(second.contacts_size(), 2);
  EXPECT_EQ(second.contacts(0).name(), "accounts/acme/contacts/f");
  EXPECT_EQ(second.contacts(1).name(), "accounts/acme/contacts/g");
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(ContactsTest, NamesEveryBadFieldOfAList) {
  v1::ListContactsRequest request;
  request.set_page_size(-1);
  request.set_page_token("x");
  v1::ListContactsResponse response;
  EXPECT_EQ(BadFields(Send(*accounts_, &v1::AccountService::Stub::ListContacts, request, &response)),
            (Fields{"page_size", "page_token", "parent"}));
}

}  // namespace
}  // namespace perennial::accounts::testing
