#include <algorithm>
#include <utility>

#include "segment-svc/report/audience_report.h"

namespace perennial::segments {
namespace {

using Rows = std::vector<facts::RowId>;

// What support does, of some accounts.
struct Service {
  Share share;
  Mean first_response, resolution, on_time, csat, silent, score;
};

// Reads what a Service is made of.
class ServiceFacts {
 public:
  explicit ServiceFacts(const ReportAccounts& accounts)
      : accounts_(accounts),
        first_response_(accounts.facts(), "support.first_response_hours_90d"),
        resolution_(accounts.facts(), "support.resolution_hours_90d"),
        on_time_(accounts.facts(), "support.on_time_rate_90d"),
        csat_(accounts.facts(), "csat.avg_90d"),
        answers_(accounts.facts(), "csat.count_90d"),
        silent_(accounts.facts(), "silent") {}

  void Add(facts::RowId row, Service& service) const {
    accounts_.Count(row, service.share);
    service.first_response.Add(first_response_[row]);
    service.resolution.Add(resolution_[row]);
    service.on_time.Add(on_time_[row]);
    service.csat.Add(csat_[row], answers_.Or(row, 1));
    service.silent.Add(silent_[row]);
    service.score.Add(accounts_.Score(row));
  }
  [[nodiscard]] bool IsSilent(facts::RowId row) const { return silent_.Or(row, 0) != 0; }
  [[nodiscard]] std::optional<double> Csat(facts::RowId row) const { return csat_[row]; }

 private:
  const ReportAccounts& accounts_;
  const NumberFact first_response_, resolution_, on_time_, csat_, answers_, silent_;
};

void AddFigures(AudienceReport& report, const ServiceFacts& service, const Rows& live) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact open(accounts.facts(), "support.open");
  const NumberFact urgent(accounts.facts(), "support.open_urgent");
  const NumberFact opened(accounts.facts(), "support.opened_90d");
  Service all;
  Share with_open, with_urgent, silent;
  Mean contact;
  std::int64_t known_open = 0;
  for (const facts::RowId row : live) {
    service.Add(row, all);
    known_open += open[row].has_value();
    if (open.Or(row, 0) > 0) accounts.Count(row, with_open);
    if (urgent.Or(row, 0) > 0) accounts.Count(row, with_urgent);
    if (service.IsSilent(row)) accounts.Count(row, silent);
    if (const auto tickets = opened[row]) contact.Add(*tickets > 0 ? 1 : 0);
  }
  report.Figure({"support.first_response_hours", "First response",
                 "Mean over live accounts of each one's mean time to the first answer, of tickets opened within 90 "
                 "days and answered."},
                "hours", all.first_response);
  report.Figure({"support.resolution_hours", "Resolution",
                 "Mean over live accounts of each one's mean time to resolution, of tickets resolved within 90 days."},
                "hours", all.resolution);
  report.Figure({"support.on_time_rate", "On time",
                 "Mean over live accounts of each one's share of promised times kept within 90 days."},
                "ratio", all.on_time);
  report.Figure({"support.csat", "CSAT", "Mean of all CSAT answers of 90 days of live accounts."}, "points", all.csat);
  const auto count = [](const Share& share, std::int64_t known) {
    return known > 0 ? std::optional(static_cast<double>(share.accounts)) : std::nullopt;
  };
  report.Figure({"support.open", "With open tickets", "Live accounts with an open ticket."}, "accounts",
                count(with_open, known_open), known_open);
  report.Figure({"support.open_urgent", "With urgent ones", "Live accounts with an open urgent ticket."}, "accounts",
                count(with_urgent, known_open), known_open);
  report.Figure(
      {"support.contact", "Who wrote", "Live accounts that opened a ticket within 90 days, as a share of all."},
      "ratio", contact);
  report.Figure({"support.silent", "Silent accounts",
                 "Live accounts with falling or no use and neither a ticket nor an inbound touch within 90 days."},
                "accounts", count(silent, all.silent.known()), all.silent.known());
  report.Amount({"support.silent_mrr", "MRR of silent ones", "MRR of those accounts."},
                all.silent.known() > 0 ? std::optional(silent.mrr) : std::nullopt, all.silent.known());
}

void AddServiceRow(AudienceReport& report, v1::ReportTable* table, const std::string& key, const std::string& name,
                   const Service& service) {
  report.AddRow(table, key, name, service.share,
                {service.score.value(), service.first_response.value(), service.resolution.value(),
                 service.on_time.value(), service.csat.value(), service.silent.value()});
}

v1::ReportTable* ServiceTable(AudienceReport& report, const Heading& heading) {
  return report.Table(heading, {{"score", "points"},
                                {"first", "hours"},
                                {"resolved", "hours"},
                                {"on time", "ratio"},
                                {"CSAT", "points"},
                                {"silent", "ratio"}});
}

void AddBands(AudienceReport& report, const ServiceFacts& service, const Rows& live) {
  const ReportAccounts& accounts = report.accounts();
  std::vector<std::string> bands = accounts.Bands();
  bands.emplace_back();
  std::vector<Service> of_band(bands.size());
  for (const facts::RowId row : live) {
    const std::string band = accounts.Score(row).has_value() ? accounts.Band(row) : "";
    const auto at = std::find(bands.begin(), bands.end(), band);
    service.Add(row, at == bands.end() ? of_band.back() : of_band[static_cast<std::size_t>(at - bands.begin())]);
  }
  v1::ReportTable* table = ServiceTable(report, {"support.bands", "Service by band",
                                                 "Live accounts by band, worst first, those of unknown score last; "
                                                 "means as of the figures, and the share of silent "
                                                 "accounts among those for which it is known."});
  for (std::size_t i = 0; i < bands.size(); ++i) {
    AddServiceRow(report, table, bands[i], bands[i].empty() ? "unknown" : bands[i], of_band[i]);
  }
}

// Those who complain beside those who say nothing: most unhappy customers never write.
void AddVoices(AudienceReport& report, const ServiceFacts& service, const Rows& live) {
  const NumberFact opened(report.accounts().facts(), "support.opened_90d");
  Service wrote, silent, others;
  for (const facts::RowId row : live) {
    if (opened.Or(row, 0) > 0) {
      service.Add(row, wrote);
    } else {
      service.Add(row, service.IsSilent(row) ? silent : others);
    }
  }
  v1::ReportTable* table = ServiceTable(
      report, {"support.voices", "Who writes and who is silent",
               "Live accounts that opened a ticket within 90 days, silent ones, and all others, with the same means."});
  AddServiceRow(report, table, "wrote", "wrote", wrote);
  AddServiceRow(report, table, "silent", "silent", silent);
  AddServiceRow(report, table, "others", "neither", others);
}

void AddLists(AudienceReport& report, const ServiceFacts& service, const Rows& live) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact urgent(accounts.facts(), "support.open_urgent");
  Rows pressing, silent, unhappy;
  for (const facts::RowId row : live) {
    if (urgent.Or(row, 0) > 0) pressing.push_back(row);
    if (service.IsSilent(row)) silent.push_back(row);
    if (service.Csat(row).value_or(5) < 3) unhappy.push_back(row);
  }
  report.List({"support.urgent", "Open urgent tickets",
               "Live accounts with open urgent tickets, most first, then by MRR, highest first."},
              std::move(pressing), [&](facts::RowId a, facts::RowId b) {
                if (*urgent[a] != *urgent[b]) return *urgent[a] > *urgent[b];
                return accounts.WeighsMore(a, b);
              });
  report.List({"support.unhappy", "Not satisfied",
               "Live accounts whose mean CSAT of 90 days is below 3, lowest first, then by MRR, highest first."},
              std::move(unhappy), [&](facts::RowId a, facts::RowId b) {
                if (*service.Csat(a) != *service.Csat(b)) return *service.Csat(a) < *service.Csat(b);
                return accounts.WeighsMore(a, b);
              });
  report.List({"support.silent", "Silent accounts", "Live accounts that are silent, by MRR, highest first."},
              std::move(silent));
}

}  // namespace

void AddSupportParts(RunStep run) {
  for (const auto& part : {AddFigures, AddBands, AddVoices, AddLists}) {
    run([&](AudienceReport& report) { part(report, ServiceFacts(report.accounts()), report.Live()); });
  }
}

}  // namespace perennial::segments
