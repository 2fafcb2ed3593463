#pragma once

#include "accounts-svc/accounts.h"
#include "accounts-svc/contacts.h"
#include "accounts-svc/hierarchy.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Accounts, Contacts and Hierarchy over gRPC. All it adds is the transport.
class AccountService final : public v1::AccountService::CallbackService {
 public:
  // All must outlive this.
  AccountService(Accounts& accounts, Contacts& contacts, Hierarchy& hierarchy, WorkerPool& pool)
      : accounts_(accounts), contacts_(contacts), hierarchy_(hierarchy), pool_(pool) {}

  grpc::ServerUnaryReactor* CreateAccount(grpc::CallbackServerContext* context, const v1::CreateAccountRequest* request,
                                          v1::CreateAccountResponse* response) override;
  grpc::ServerUnaryReactor* GetAccount(grpc::CallbackServerContext* context, const v1::GetAccountRequest* request,
                                       v1::GetAccountResponse* response) override;
  grpc::ServerUnaryReactor* BatchGetAccounts(grpc::CallbackServerContext* context,
                                             const v1::BatchGetAccountsRequest* request,
                                             v1::BatchGetAccountsResponse* response) override;
  grpc::ServerUnaryReactor* ListAccounts(grpc::CallbackServerContext* context, const v1::ListAccountsRequest* request,
                                         v1::ListAccountsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateAccount(grpc::CallbackServerContext* context, const v1::UpdateAccountRequest* request,
                                          v1::UpdateAccountResponse* response) override;
  grpc::ServerUnaryReactor* DeleteAccount(grpc::CallbackServerContext* context, const v1::DeleteAccountRequest* request,
                                          v1::DeleteAccountResponse* response) override;
  grpc::ServerUnaryReactor* UndeleteAccount(grpc::CallbackServerContext* context,
                                            const v1::UndeleteAccountRequest* request,
                                            v1::UndeleteAccountResponse* response) override;
  grpc::ServerUnaryReactor* PurgeAccount(grpc::CallbackServerContext* context, const v1::PurgeAccountRequest* request,
                                         v1::PurgeAccountResponse* response) override;
  grpc::ServerUnaryReactor* GetAccountHierarchy(grpc::CallbackServerContext* context,
                                                const v1::GetAccountHierarchyRequest* request,
                                                v1::GetAccountHierarchyResponse* response) override;
  grpc::ServerUnaryReactor* ListPhaseChanges(grpc::CallbackServerContext* context,
                                             const v1::ListPhaseChangesRequest* request,
                                             v1::ListPhaseChangesResponse* response) override;
  grpc::ServerUnaryReactor* CreateContact(grpc::CallbackServerContext* context, const v1::CreateContactRequest* request,
                                          v1::CreateContactResponse* response) override;
  grpc::ServerUnaryReactor* GetContact(grpc::CallbackServerContext* context, const v1::GetContactRequest* request,
                                       v1::GetContactResponse* response) override;
  grpc::ServerUnaryReactor* ListContacts(grpc::CallbackServerContext* context, const v1::ListContactsRequest* request,
                                         v1::ListContactsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateContact(grpc::CallbackServerContext* context, const v1::UpdateContactRequest* request,
                                          v1::UpdateContactResponse* response) override;
  grpc::ServerUnaryReactor* DeleteContact(grpc::CallbackServerContext* context, const v1::DeleteContactRequest* request,
                                          v1::DeleteContactResponse* response) override;

 private:
  Accounts& accounts_;
  Contacts& contacts_;
  Hierarchy& hierarchy_;
  WorkerPool& pool_;
};

}  // namespace perennial::accounts
