#include "accounts-svc/use_state_codec.h"

#include "accounts-svc/facts/byte_codec.h"

namespace perennial::accounts {
namespace {

// Grows when the bytes mean something else: states of before are not understood then, and accounts read from their history.
constexpr std::uint64_t kFormat = 1;

void PutGoal(const Goal& goal, ByteWriter& out) {
  out.Text(goal.id).Text(goal.fact).Double(goal.start).Double(goal.target);
  out.Unsigned(goal.current.has_value() ? 1 : 0).Double(goal.current.value_or(0));
  out.Unsigned(goal.due.has_value() ? 1 : 0).Time(goal.due.value_or(absl::UnixEpoch()));
  out.Unsigned(static_cast<std::uint64_t>(goal.state));
}

Goal ReadGoal(ByteReader& in) {
  Goal goal;
  goal.id = in.Text();
  goal.fact = in.Text();
  goal.start = in.Double();
  goal.target = in.Double();
  const bool has_current = in.Unsigned() != 0;
  const double current = in.Double();
  if (has_current) goal.current = current;
  const bool has_due = in.Unsigned() != 0;
  const absl::Time due = in.Time();
  if (has_due) goal.due = due;
  goal.state = static_cast<GoalState>(in.Unsigned());
  return goal;
}

}  // namespace

std::string EncodeUseState(const WarmAccount& account, std::int64_t rules_revision) {
  ByteWriter out;
  out.Unsigned(kFormat).Signed(rules_revision).Time(account.as_of).Time(account.next_change);
  out.Double(account.context.seats).Unsigned(account.context.heard ? 1 : 0).Unsigned(account.context.goals.size());
  for (const Goal& goal : account.context.goals) PutGoal(goal, out);
  account.usage.Encode(out);
  return out.bytes().size() <= kMostUseStateBytes ? out.bytes() : std::string();
}

bool DecodeUseState(absl::string_view bytes, std::int64_t rules_revision, WarmAccount& account) {
  ByteReader in(bytes);
  if (in.Unsigned() != kFormat || in.Signed() != rules_revision) return false;
  account.as_of = in.Time();
  account.next_change = in.Time();
  account.context.seats = in.Double();
  account.context.heard = in.Unsigned() != 0;
  account.context.goals.clear();
  for (std::uint64_t goals = in.Unsigned(); in.ok() && goals > 0; --goals) account.context.goals.push_back(ReadGoal(in));
  account.usage = UsageState::Decode(in);
  return in.ok() && in.at_end();
}

}  // namespace perennial::accounts
