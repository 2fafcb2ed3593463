#include "health-svc/value_cache.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace perennial::health {

std::string ValueCacheKey(absl::string_view account_id) {
  return absl::StrCat("perennial:health:v1:value:{", account_id, "}");
}

ValueCacheWriter::ValueCacheWriter(std::unique_ptr<RedisClient> client, const Portfolio& portfolio,
                                   const ValueBook& book)
    : CacheWriter(std::move(client), book.feed_id(), "values",
                  [&portfolio, &book](std::int64_t after, std::size_t most, std::int64_t& last) {
                    std::vector<CacheEntry> entries;
                    const ReadLock read(portfolio.lock());
                    for (const facts::RowId row : book.ChangedAfter(after, most)) {
                      last = book.RevisionOf(row);
                      CacheEntry& entry = entries.emplace_back();
                      entry.account_id = portfolio.table().account_id(row);
                      entry.key = ValueCacheKey(entry.account_id);
                      entry.revision = last;
                      if (!portfolio.table().live(row)) continue;
                      v1::CustomerValue value;
                      book.Get(row, /*with_reasons=*/false, &value);
                      entry.body = value.SerializeAsString();
                    }
                    return entries;
                  }) {}

std::optional<v1::CustomerValue> ValueCacheReader::Get(absl::string_view account_id) {
  const MutexLock lock(mu_);
  const auto replies = client_->Run({{"GET", ValueCacheKey(account_id)}});
  if (!replies.ok() || replies->size() != 1 || replies->front().type != RedisReply::Type::kText) return std::nullopt;
  const std::string& bytes = replies->front().text;
  const auto entry = DecodeEntry(account_id, GenerationOf(bytes), bytes);
  v1::CustomerValue value;
  if (!entry.has_value() || entry->body.empty() ||
      !value.ParseFromArray(entry->body.data(), static_cast<int>(entry->body.size()))) {
    return std::nullopt;
  }
  return value;
}

}  // namespace perennial::health
