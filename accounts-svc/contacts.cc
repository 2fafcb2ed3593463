#include "accounts-svc/contacts.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/care.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/paging.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/base/update_mask.h"

namespace perennial::accounts {
namespace {

const std::vector<std::string>& MutableFields() {
  static const auto& fields =
      *new std::vector<std::string>{"display_name", "email", "phone", "title", "role", "departed", "depart_time"};
  return fields;
}

std::string NameOf(absl::string_view account_id, absl::string_view id) {
  return absl::StrCat("accounts/", account_id, "/contacts/", id);
}

absl::StatusOr<v1::Contact> Decode(const CareRecord& record) {
  v1::Contact contact;
  if (!contact.ParseFromString(record.payload)) return absl::DataLossError("a stored contact cannot be read");
  return contact;
}

absl::StatusOr<v1::Contact> ToProto(absl::string_view account_id, const CareRecord& record) {
  PERENNIAL_ASSIGN_OR_RETURN(v1::Contact out, Decode(record));
  out.set_name(NameOf(account_id, record.id));
  SetTimestamp(record.create_time, out.mutable_create_time());
  SetTimestamp(record.update_time, out.mutable_update_time());
  if (record.delete_time.has_value()) SetTimestamp(*record.delete_time, out.mutable_delete_time());
  SetTimestamp(record.effective, out.mutable_effective_time());
  out.set_etag(EtagOf(record.version));
  return out;
}

void CheckEmail(absl::string_view field, absl::string_view email, BadRequest& bad) {
  if (email.empty()) return;
  const auto at = email.find('@');
  bool good = email.size() <= 254 && at != absl::string_view::npos && at > 0 && at + 1 < email.size() &&
              email.find('@', at + 1) == absl::string_view::npos;
  for (const char c : email) good = good && !absl::ascii_isspace(c) && !absl::ascii_iscntrl(c);
  if (!good) bad.Add(field, "must be an e-mail address, local@domain, of at most 254 bytes");
}

// Those of the client's fields that `fields` names.
void CheckFields(const v1::Contact& contact, const std::set<std::string>& fields, absl::Time now, BadRequest& bad) {
  if (fields.contains("display_name")) CheckText("contact.display_name", contact.display_name(), 1, 256, bad);
  if (fields.contains("email")) CheckEmail("contact.email", contact.email(), bad);
  if (fields.contains("phone")) CheckText("contact.phone", contact.phone(), 0, 64, bad);
  if (fields.contains("title")) CheckText("contact.title", contact.title(), 0, 256, bad);
  if (fields.contains("role") && !v1::ContactRole_IsValid(contact.role())) bad.Add("contact.role", "is no role");
  if (fields.contains("depart_time")) {
    CheckTime("contact.depart_time", contact.has_depart_time(), contact.depart_time(), false, now, bad);
  }
}

// The client's fields of a contact, with the time of departure where it is missing or has lost its meaning.
std::string Encode(const v1::Contact& contact, absl::Time departed) {
  v1::Contact stored;
  CopyFields(contact, {MutableFields().begin(), MutableFields().end()}, &stored);
  if (!stored.departed()) stored.clear_depart_time();
  if (stored.departed() && !stored.has_depart_time()) SetTimestamp(departed, stored.mutable_depart_time());
  return stored.SerializeAsString();
}

void CheckDeparture(const v1::Contact& contact, BadRequest& bad) {
  if (contact.has_depart_time() && !contact.departed()) {
    bad.Add("contact.depart_time", "is only allowed with departed");
  }
}

// The contact as it stands, deleted or not: what a repeated request is answered with.
absl::Status FindStanding(ReadTransaction& transaction, absl::string_view account_id, absl::string_view id,
                          CareRecord& record) {
  PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, KnownAccount(transaction, account_id));
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<CareRecord> found, transaction.FindCare(account.no, CareKind::kContact, id));
  if (!found.has_value()) return NoSuch(NameOf(account_id, id));
  record = *std::move(found);
  return absl::OkStatus();
}

template <class Request>
std::optional<absl::Time> EffectiveTime(const Request& request) {
  if (!request.has_effective_time()) return std::nullopt;
  return StoredTime(request.effective_time());
}

}  // namespace

absl::StatusOr<v1::CreateContactResponse> Contacts::Create(const v1::CreateContactRequest& request) {
  const absl::Time now = StoredNow(clock_);
  BadRequest bad;
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  bad.AddIfError("contact_id", CheckId(request.contact_id()));
  if (!request.has_contact()) bad.Add("contact", "is required");
  CheckTime("effective_time", request.has_effective_time(), request.effective_time(), false, now, bad);
  CheckFields(request.contact(), {MutableFields().begin(), MutableFields().end()}, now, bad);
  CheckDeparture(request.contact(), bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  AccountNo no = 0;
  CareRecord record;
  const auto prepare = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
    no = account.no;
    PERENNIAL_ASSIGN_OR_RETURN(record, NewCare(transaction, no, CareKind::kContact, request.contact_id(),
                                               NameOf(*account_id, request.contact_id()), EffectiveTime(request), now));
    record.payload = Encode(request.contact(), record.effective);
    return absl::OkStatus();
  };
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read(prepare));
  } else {
    PERENNIAL_RETURN_IF_ERROR(store_
                                  .Write([&](WriteTransaction& transaction) -> absl::Status {
                                    PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                    if (!first) {
                                      return FindStanding(transaction, *account_id, request.contact_id(), record);
                                    }
                                    PERENNIAL_RETURN_IF_ERROR(prepare(transaction));
                                    return transaction.PutCare(no, CareKind::kContact, record);
                                  })
                                  .status());
  }
  v1::CreateContactResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_contact(), ToProto(*account_id, record));
  return response;
}

absl::StatusOr<v1::GetContactResponse> Contacts::Get(const v1::GetContactRequest& request) {
  BadRequest bad;
  const auto name = ChildOf(request.name(), "accounts", "contacts");
  bad.AddIfError("name", name.status());
  CheckTime("as_of", request.has_as_of(), request.as_of(), false, clock_.Now(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::GetContactResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, name->parent));
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<CareRecord> record,
                               request.has_as_of() ? transaction.FindCareAsOf(account.no, CareKind::kContact,
                                                                              name->child, ToTime(request.as_of()))
                                                   : transaction.FindCare(account.no, CareKind::kContact, name->child));
    if (!record.has_value()) return NoSuch(absl::StrCat(request.name(), request.has_as_of() ? " as of then" : ""));
    PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_contact(), ToProto(name->parent, *record));
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::ListContactsResponse> Contacts::List(const v1::ListContactsRequest& request) {
  BadRequest bad;
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  const Page page(request, absl::StrCat(request.parent(), "\ncontacts\n", request.show_deleted()), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::ListContactsResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
    PERENNIAL_ASSIGN_OR_RETURN(
        std::vector<CareRecord> records,
        transaction.ListCare(account.no, CareKind::kContact, page.cursor(), request.show_deleted(), page.limit()));
    const auto add = [&](const CareRecord& record) -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(*response.add_contacts(), ToProto(*account_id, record));
      return absl::OkStatus();
    };
    return page.Fill(records, response, [](const CareRecord& record) { return record.id; }, add);
  }));
  return response;
}

absl::StatusOr<v1::UpdateContactResponse> Contacts::Update(const v1::UpdateContactRequest& request) {
  const absl::Time now = StoredNow(clock_);
  BadRequest bad;
  if (!request.has_contact()) bad.Add("contact", "is required");
  const auto name = ChildOf(request.contact().name(), "accounts", "contacts");
  bad.AddIfError("contact.name", name.status());
  CheckTime("effective_time", request.has_effective_time(), request.effective_time(), false, now, bad);
  const std::set<std::string> fields =
      ResolveUpdateMask(request.contact(), request.has_update_mask() ? &request.update_mask() : nullptr,
                        MutableFields(), {}, {"name", "create_time", "update_time", "delete_time", "etag", "effective_time"}, bad);
  CheckFields(request.contact(), fields, now, bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  AccountNo no = 0;
  CareRecord record;
  bool changed = false;
  const auto merge = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, name->parent));
    no = account.no;
    PERENNIAL_ASSIGN_OR_RETURN(record,
                               LiveCare(transaction, no, CareKind::kContact, name->child, request.contact().name()));
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.contact().etag(), record.version, "contact"));
    PERENNIAL_ASSIGN_OR_RETURN(v1::Contact contact, Decode(record));
    CopyFields(request.contact(), fields, &contact);
    BadRequest contradiction;
    if (fields.contains("depart_time")) CheckDeparture(contact, contradiction);
    PERENNIAL_RETURN_IF_ERROR(contradiction.ToStatus());
    CareRecord next = record;
    PERENNIAL_RETURN_IF_ERROR(BeginVersion(EffectiveTime(request), now, next));
    next.payload = Encode(contact, next.effective);
    changed = next.payload != record.payload;
    if (changed) record = std::move(next);
    return absl::OkStatus();
  };
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read(merge));
  } else {
    PERENNIAL_RETURN_IF_ERROR(store_
                                  .Write([&](WriteTransaction& transaction) -> absl::Status {
                                    PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                    if (!first) return FindStanding(transaction, name->parent, name->child, record);
                                    PERENNIAL_RETURN_IF_ERROR(merge(transaction));
                                    return changed ? transaction.PutCare(no, CareKind::kContact, record)
                                                   : absl::OkStatus();
                                  })
                                  .status());
  }
  v1::UpdateContactResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_contact(), ToProto(name->parent, record));
  return response;
}

absl::StatusOr<v1::DeleteContactResponse> Contacts::Delete(const v1::DeleteContactRequest& request) {
  BadRequest bad;
  const auto name = ChildOf(request.name(), "accounts", "contacts");
  bad.AddIfError("name", name.status());
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const absl::Time now = StoredNow(clock_);
  CareRecord record;
  PERENNIAL_RETURN_IF_ERROR(
      store_
          .Write([&](WriteTransaction& transaction) -> absl::Status {
            PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
            if (!first) return FindStanding(transaction, name->parent, name->child, record);
            PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, name->parent));
            PERENNIAL_ASSIGN_OR_RETURN(
                record, LiveCare(transaction, account.no, CareKind::kContact, name->child, request.name()));
            PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), record.version, "contact"));
            PERENNIAL_RETURN_IF_ERROR(BeginVersion(std::nullopt, now, record));
            record.delete_time = now;
            return transaction.PutCare(account.no, CareKind::kContact, record);
          })
          .status());
  v1::DeleteContactResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_contact(), ToProto(name->parent, record));
  return response;
}

}  // namespace perennial::accounts
