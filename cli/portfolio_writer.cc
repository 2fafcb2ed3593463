#include "cli/portfolio_writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"

namespace perennial::cli {
namespace {

struct FileInfo {
  absl::string_view name;
  absl::string_view header;
};

constexpr std::array<FileInfo, kPortfolioFiles> kFiles = {{
    {"accounts.csv",
     "account_id,display_name,owner,tags,customer_since,effective_time,attributes.industry,attributes.country,"
     "attributes.acquisition,attributes.employees:number,attributes.contract"},
    {"subscriptions.csv",
     "account_id,subscription_id,effective_time,plan,seats,mrr,currency_code,trial,trial_end_time,start_time,end_time,"
     "renewal_time,auto_renew"},
    {"usage.csv", "account_id,record_id,event_time,metric,value,user"},
    {"tickets.csv",
     "account_id,record_id,event_time,topic,priority,first_response_time,resolve_time,first_response_due_time,"
     "resolve_due_time,satisfaction,escalated"},
    {"touchpoints.csv", "account_id,record_id,event_time,channel,direction,summary"},
    {"surveys.csv", "account_id,record_id,event_time,kind,score,comment"},
    {"milestones.csv", "account_id,record_id,event_time,step,progress"},
    {"churn_reports.csv", "account_id,record_id,event_time,reason,feedback,reactivation"},
}};

}  // namespace

absl::string_view NameOf(PortfolioFile file) { return kFiles[static_cast<std::size_t>(file)].name; }

RowBuilder& RowBuilder::AddHundredths(std::int64_t hundredths) {
  return Add(absl::StrFormat("%d.%02d", hundredths / 100, hundredths % 100));
}

RowBuilder& RowBuilder::AddTime(std::int64_t seconds) {
  if (seconds < 0) return Add("");
  const std::int64_t clock = seconds % 86400;
  const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + seconds / 86400;
  // By hand: millions of rows have times.
  char text[] = "0000-00-00T00:00:00Z";
  const auto put = [&text](int at, std::int64_t number, int digits) {
    for (int i = digits - 1; i >= 0; --i, number /= 10) text[at + i] = static_cast<char>('0' + number % 10);
  };
  put(0, day.year(), 4);
  put(5, day.month(), 2);
  put(8, day.day(), 2);
  put(11, clock / 3600, 2);
  put(14, clock / 60 % 60, 2);
  put(17, clock % 60, 2);
  return Add(absl::string_view(text, 20));
}

absl::StatusOr<std::unique_ptr<PortfolioWriter>> PortfolioWriter::Open(const std::string& folder, bool replace) {
  if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the folder ", folder));
  }
  std::unique_ptr<PortfolioWriter> writer(new PortfolioWriter(folder));
  for (std::size_t i = 0; i < kPortfolioFiles; ++i) {
    struct stat info = {};
    if (!replace && stat(writer->PathOf(i, false).c_str(), &info) == 0) {
      return absl::AlreadyExistsError(
          absl::StrCat(writer->PathOf(i, false), " exists; choose another folder or give --replace"));
    }
  }
  for (std::size_t i = 0; i < kPortfolioFiles; ++i) {
    const std::string path = writer->PathOf(i, true);
    writer->files_[i] = std::fopen(path.c_str(), "wb");
    if (writer->files_[i] == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
    std::fprintf(writer->files_[i], "%s\n", kFiles[i].header.data());
  }
  return writer;
}

PortfolioWriter::~PortfolioWriter() {
  for (std::size_t i = 0; i < kPortfolioFiles; ++i) {
    if (files_[i] == nullptr) continue;
    std::fclose(files_[i]);
    // What was not finished is of no use to anybody.
    std::remove(PathOf(i, true).c_str());
  }
}

std::string PortfolioWriter::PathOf(std::size_t file, bool partial) const {
  return absl::StrCat(folder_, "/", kFiles[file].name, partial ? ".partial" : "");
}

std::int64_t PortfolioWriter::rows() const {
  std::int64_t sum = 0;
  for (const std::int64_t count : counts_) sum += count;
  return sum;
}

absl::Status PortfolioWriter::Write(PortfolioRows* rows) {
  for (std::size_t i = 0; i < kPortfolioFiles; ++i) {
    auto& list = rows->rows_[i];
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
    for (auto& row : list) {
      row.text.push_back('\n');
      if (std::fwrite(row.text.data(), 1, row.text.size(), files_[i]) != row.text.size()) {
        return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", PathOf(i, true)));
      }
    }
    counts_[i] += static_cast<std::int64_t>(list.size());
    list.clear();
  }
  return absl::OkStatus();
}

absl::Status PortfolioWriter::Finish() {
  for (std::size_t i = 0; i < kPortfolioFiles; ++i) {
    if (std::fflush(files_[i]) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", PathOf(i, true)));
  }
  for (std::size_t i = 0; i < kPortfolioFiles; ++i) {
    const int closed = std::fclose(std::exchange(files_[i], nullptr));
    if (closed != 0 || std::rename(PathOf(i, true).c_str(), PathOf(i, false).c_str()) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", PathOf(i, false)));
    }
  }
  return absl::OkStatus();
}

}  // namespace perennial::cli
