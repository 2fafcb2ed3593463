#pragma once

#include "cli/account_view.h"
#include "cli/text.h"

// The sections of an account's picture below its health, each a page of `width` columns with its own head.
namespace perennial::cli {

Page AccountFlags(const AccountData& data, int width);
Page AccountSegments(const AccountData& data, int width);
Page AccountSubscriptions(const AccountData& data, int width);
// The facts that tell most, by group; `perennial facts` shows all.
Page AccountFacts(const AccountData& data, int width);

// Open tasks by due time, goals with their progress, contacts, and what happened lately. Empty when there are none and none are
// missing.
Page AccountTasks(const AccountData& data, int width);
Page AccountGoals(const AccountData& data, int width);
Page AccountContacts(const AccountData& data, int width);
Page AccountTimeline(const AccountData& data, int width);

// What to show in place of part `part` of the answer: why it is missing. Empty when it isn't.
Page MissingPart(const AccountData& data, const std::string& part, int width);

// The fact of that name, or null when it is unknown.
const perennial::accounts::v1::Fact* FindFact(const AccountData& data, const std::string& name);

// The fact `mrr` in the currency of the subscriptions.
std::string MrrOf(const AccountData& data);

// Time of the picture: the account's own facts', else that of the newest thing in it.
absl::Time MomentOf(const AccountData& data);

}  // namespace perennial::cli
