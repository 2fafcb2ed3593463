#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {

// The page that a request of a List method asks for. Ask the store for `limit()` rows after `cursor()`, one more than the page
// has, and give them to Fill. size(), limit() and Fill() only once the request was found to be good.
class Page {
 public:
  // Adds to `bad` what is wrong with page_size and page_token. `seal` is any text that all pages of one listing share and others
  // do not, such as the parent and the filter.
  template <class Request>
  Page(const Request& request, std::string seal, BadRequest& bad, int standard = 50, int most = 1000)
      : seal_(std::move(seal)),
        size_(PageSize(request.page_size(), standard, most)),
        cursor_(ReadPageToken(request.page_token(), seal_)) {
    bad.AddIfError("page_size", size_.status());
    bad.AddIfError("page_token", cursor_.status());
  }

  // Where it begins; empty for the first page, and for a token that is wrong.
  [[nodiscard]] const std::string& cursor() const {
    static const auto& kNone = *new std::string;
    return cursor_.ok() ? *cursor_ : kNone;
  }
  // The same where a cursor is a number that falls from row to row: the page begins below it.
  [[nodiscard]] std::int64_t Before(BadRequest& bad) const {
    std::int64_t before = std::numeric_limits<std::int64_t>::max();
    if (!cursor().empty() && !absl::SimpleAtoi(cursor(), &before)) bad.Add("page_token", "is damaged");
    return before;
  }
  [[nodiscard]] int size() const { return *size_; }
  [[nodiscard]] int limit() const { return *size_ + 1; }
  // The token of the page that begins after what `cursor` says.
  [[nodiscard]] std::string TokenAfter(absl::string_view cursor) const { return MakePageToken(cursor, seal_); }

  // Calls `add` (Row& -> absl::Status) for each row of the page. When there are more, the response's next_page_token begins after
  // `cursor_of` (const Row& -> text) the last of them.
  template <class Row, class Response, class CursorOf, class Add>
  absl::Status Fill(std::vector<Row>& rows, Response& response, CursorOf cursor_of, Add add) const {
    const auto size = static_cast<std::size_t>(*size_);
    // Before the rows are added, which may move from them.
    if (rows.size() > size) response.set_next_page_token(TokenAfter(cursor_of(rows[size - 1])));
    for (std::size_t i = 0; i < rows.size() && i < size; ++i) PERENNIAL_RETURN_IF_ERROR(add(rows[i]));
    return absl::OkStatus();
  }

 private:
  const std::string seal_;
  const absl::StatusOr<int> size_;
  const absl::StatusOr<std::string> cursor_;
};

}  // namespace perennial::accounts
