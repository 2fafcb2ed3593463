#include "health-svc/flag_story.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/facts/text_list.h"
#include "health-svc/flag_transitions.h"

namespace perennial::health {
namespace {

// The names of facts that causes have, by number. There are no more than the catalogue has.
class FactNames {
 public:
  std::string NumberOf(absl::string_view name) {
    const MutexLock lock(mu_);
    return absl::StrCat(names_.Add(name));
  }
  std::string NameOf(absl::string_view number) {
    std::size_t at = 0;
    (void)absl::SimpleAtoi(number, &at);  // made above
    const MutexLock lock(mu_);
    return names_[at];
  }

 private:
  Mutex mu_;
  facts::TextList names_ ABSL_GUARDED_BY(mu_);
};

FactNames& Names() {
  static auto& names = *new FactNames();
  return names;
}

void ShortenCauses(google::protobuf::RepeatedPtrField<v1::FlagCause>& causes) {
  for (v1::FlagCause& cause : causes) cause.set_fact(Names().NumberOf(cause.fact()));
}

void LengthenCauses(google::protobuf::RepeatedPtrField<v1::FlagCause>& causes) {
  for (v1::FlagCause& cause : causes) cause.set_fact(Names().NameOf(cause.fact()));
}

bool SameCauses(const v1::FlagTransition& a, const google::protobuf::RepeatedPtrField<v1::FlagCause>& b) {
  return std::equal(a.causes().begin(), a.causes().end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.fact() == y.fact() && x.value() == y.value();
  });
}

}  // namespace

FlagStory::FlagStory(const std::vector<v1::FlagCause>& causes, const std::vector<v1::FlagTransition>& transitions) {
  if (causes.empty() && transitions.empty()) return;
  v1::Flag flag;
  flag.mutable_causes()->Assign(causes.begin(), causes.end());
  flag.mutable_transitions()->Assign(transitions.begin(), transitions.end());
  // What the rule read when it was last raised is nearly always what the step says that raised it: its place, from 1.
  for (int i = flag.transitions_size() - 1; i >= 0; --i) {
    if (flag.transitions(i).state() != v1::FLAG_STATE_OPEN || !SameCauses(flag.transitions(i), flag.causes())) continue;
    flag.clear_causes();
    flag.set_revision(i + 1);
    break;
  }
  ShortenCauses(*flag.mutable_causes());
  for (v1::FlagTransition& transition : *flag.mutable_transitions()) {
    ShortenCauses(*transition.mutable_causes());
    if (transition.actor() == kSelf) {
      transition.clear_actor();
    } else {
      transition.set_actor(absl::StrCat("=", transition.actor()));
    }
  }
  Keep(flag.SerializeAsString());
}

FlagStory& FlagStory::operator=(const FlagStory& other) {
  if (this == &other) return *this;
  kept_.reset();
  if (other.kept_ != nullptr) Keep(other.bytes());
  return *this;
}

void FlagStory::Keep(absl::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  kept_.reset(new char[sizeof(size) + bytes.size()]);
  std::memcpy(kept_.get(), &size, sizeof(size));
  std::memcpy(kept_.get() + sizeof(size), bytes.data(), bytes.size());
}

absl::string_view FlagStory::bytes() const {
  if (kept_ == nullptr) return {};
  std::uint32_t size = 0;
  std::memcpy(&size, kept_.get(), sizeof(size));
  return {kept_.get() + sizeof(size), size};
}

v1::Flag FlagStory::Unpack() const {
  v1::Flag flag;
  const absl::string_view bytes = this->bytes();
  (void)flag.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));  // made above
  LengthenCauses(*flag.mutable_causes());
  for (v1::FlagTransition& transition : *flag.mutable_transitions()) {
    LengthenCauses(*transition.mutable_causes());
    transition.set_actor(transition.actor().empty() ? kSelf : transition.actor().substr(1));
  }
  if (flag.revision() > 0) *flag.mutable_causes() = flag.transitions(static_cast<int>(flag.revision()) - 1).causes();
  return flag;
}

std::vector<v1::FlagCause> FlagStory::Causes() const {
  const v1::Flag flag = Unpack();
  return {flag.causes().begin(), flag.causes().end()};
}

std::vector<v1::FlagTransition> FlagStory::Transitions() const {
  const v1::Flag flag = Unpack();
  return {flag.transitions().begin(), flag.transitions().end()};
}

}  // namespace perennial::health
