#pragma once

#include "absl/status/status.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/store/store.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {

// Takes the facts that the transaction sees and this process does not know yet.
inline absl::Status LearnFacts(ReadTransaction& transaction, FactNumbering& numbering) {
  const facts::FactId first = numbering.saved();
  PERENNIAL_ASSIGN_OR_RETURN(const auto definitions, transaction.ListFactDefinitions(first));
  return numbering.Learn(first, definitions);
}

// The same before names of facts in a request are looked up, where another process may have added some.
inline absl::Status LearnFacts(Store& store, FactNumbering& numbering) {
  if (!store.shared()) return absl::OkStatus();
  return store.Read([&](ReadTransaction& transaction) { return LearnFacts(transaction, numbering); });
}

}  // namespace perennial::accounts
