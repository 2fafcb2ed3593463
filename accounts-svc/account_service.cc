#include "accounts-svc/account_service.h"

#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* AccountService::CreateAccount(grpc::CallbackServerContext* context, const v1::CreateAccountRequest* request,
                                         v1::CreateAccountResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return accounts_.Create(call); });
}

grpc::ServerUnaryReactor* AccountService::GetAccount(grpc::CallbackServerContext* context, const v1::GetAccountRequest* request,
                                         v1::GetAccountResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return accounts_.Get(call); });
}

grpc::ServerUnaryReactor* AccountService::BatchGetAccounts(grpc::CallbackServerContext* context, const v1::BatchGetAccountsRequest* request,
                                         v1::BatchGetAccountsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return accounts_.BatchGet(call); });
}

grpc::ServerUnaryReactor* AccountService::ListAccounts(grpc::CallbackServerContext* context, const v1::ListAccountsRequest* request,
                                         v1::ListAccountsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return accounts_.List(call); });
}

grpc::ServerUnaryReactor* AccountService::UpdateAccount(grpc::CallbackServerContext* context, const v1::UpdateAccountRequest* request,
                                         v1::UpdateAccountResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return accounts_.Update(call); });
}

grpc::ServerUnaryReactor* AccountService::DeleteAccount(grpc::CallbackServerContext* context, const v1::DeleteAccountRequest* request,
                                         v1::DeleteAccountResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return accounts_.Delete(call); });
}

grpc::ServerUnaryReactor* AccountService::UndeleteAccount(grpc::CallbackServerContext* context, const v1::UndeleteAccountRequest* request,
                                         v1::UndeleteAccountResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return accounts_.Undelete(call); });
}

grpc::ServerUnaryReactor* AccountService::PurgeAccount(grpc::CallbackServerContext* context,
                                                       const v1::PurgeAccountRequest* request,
                                                       v1::PurgeAccountResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return accounts_.Purge(call); });
}

grpc::ServerUnaryReactor* AccountService::GetAccountHierarchy(grpc::CallbackServerContext* context,
                                                              const v1::GetAccountHierarchyRequest* request,
                                                              v1::GetAccountHierarchyResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return hierarchy_.Get(call); });
}

grpc::ServerUnaryReactor* AccountService::ListPhaseChanges(grpc::CallbackServerContext* context, const v1::ListPhaseChangesRequest* request,
                                         v1::ListPhaseChangesResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return accounts_.ListPhaseChanges(call); });
}

grpc::ServerUnaryReactor* AccountService::CreateContact(grpc::CallbackServerContext* context,
                                                        const v1::CreateContactRequest* request,
                                                        v1::CreateContactResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return contacts_.Create(call); });
}

grpc::ServerUnaryReactor* AccountService::GetContact(grpc::CallbackServerContext* context,
                                                     const v1::GetContactRequest* request,
                                                     v1::GetContactResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return contacts_.Get(call); });
}

grpc::ServerUnaryReactor* AccountService::ListContacts(grpc::CallbackServerContext* context,
                                                       const v1::ListContactsRequest* request,
                                                       v1::ListContactsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return contacts_.List(call); });
}

grpc::ServerUnaryReactor* AccountService::UpdateContact(grpc::CallbackServerContext* context,
                                                        const v1::UpdateContactRequest* request,
                                                        v1::UpdateContactResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return contacts_.Update(call); });
}

grpc::ServerUnaryReactor* AccountService::DeleteContact(grpc::CallbackServerContext* context,
                                                        const v1::DeleteContactRequest* request,
                                                        v1::DeleteContactResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return contacts_.Delete(call); });
}

}  // namespace perennial::accounts
