#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/error_details.h"
#include "health-svc/configuration.h"
#include "health-svc/configurator.h"

namespace perennial::health {

// ABORTED when `etag` is not empty and not that of the revision. `what` as in "read the <what> again".
inline absl::Status CheckEtag(const std::string& etag, std::int64_t revision, absl::string_view what) {
  if (etag.empty() || etag == EtagOf(revision)) return absl::OkStatus();
  return WithReason(absl::AbortedError(absl::StrCat("etag is stale; read the ", what, " again")), "STALE_ETAG");
}

// Makes the fields of `to` that `paths` name those of `from`.
template <class Message>
void CopyFields(const Message& from, const std::set<std::string>& paths, Message& to) {
  for (const std::string& path : paths) {
    const auto* field = Message::descriptor()->FindFieldByName(path);
    const auto* reflection = to.GetReflection();
    reflection->ClearField(&to, field);
    Message one = from;
    reflection->SwapFields(&to, &one, {field});
  }
}

// The revision by which `kept` becomes `next`: a new one by `by`, or, when nothing differs, the present one.
template <class Message>
ConfigRevision RevisionOfUpdate(const Configuration<Message>& all, const typename Configuration<Message>::Kept& kept,
                                const Message& next, const Authorship& by, absl::Time now) {
  ConfigRevision revision = all.Next(kept.meta.id, next, now);
  if (revision.body == DefinitionOf(kept.definition).SerializeAsString()) {
    ConfigRevision present = kept.meta;
    present.body = revision.body;
    return present;
  }
  revision.author = by.author;
  revision.note = by.note;
  return revision;
}

}  // namespace perennial::health
