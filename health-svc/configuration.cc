#include "health-svc/configuration.h"

#include "common/base/time_util.h"

namespace perennial::health {

v1::Scorecard DefinitionOf(v1::Scorecard card) {
  card.clear_id();
  card.clear_revision();
  card.clear_name();
  card.clear_etag();
  card.clear_author();
  card.clear_revision_time();
  card.clear_note();
  card.clear_shipped();
  card.clear_deleted();
  return card;
}

v1::FlagRule DefinitionOf(v1::FlagRule rule) {
  rule.clear_id();
  rule.clear_name();
  rule.clear_etag();
  rule.clear_author();
  rule.clear_update_time();
  rule.clear_shipped();
  return rule;
}

v1::Scorecard ToAnswer(const ConfigRevision& meta, v1::Scorecard definition) {
  definition.set_id(meta.id);
  definition.set_name(absl::StrCat("scorecards/", meta.id));
  definition.set_revision(meta.revision);
  definition.set_etag(EtagOf(meta.revision));
  definition.set_author(meta.author);
  definition.set_note(meta.note);
  SetTimestamp(meta.time, definition.mutable_revision_time());
  definition.set_shipped(meta.shipped);
  definition.set_deleted(meta.deleted);
  return definition;
}

v1::FlagRule ToAnswer(const ConfigRevision& meta, v1::FlagRule definition) {
  definition.set_id(meta.id);
  definition.set_name(absl::StrCat("flagRules/", meta.id));
  definition.set_etag(EtagOf(meta.revision));
  definition.set_author(meta.author);
  SetTimestamp(meta.time, definition.mutable_update_time());
  definition.set_shipped(meta.shipped);
  return definition;
}

}  // namespace perennial::health
