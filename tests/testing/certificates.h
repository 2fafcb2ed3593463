#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/testing/process.h"

namespace perennial::testing {

// An authority that signs certificates for this machine, in files of a folder, with the program openssl.
class Authority {
 public:
  Authority(std::string folder, const std::string& name) : folder_(std::move(folder)), name_(name) {
    Run({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", File(".key"),
         "-out", certificate(), "-days", "2", "-subj", "/CN=" + name});
  }

  [[nodiscard]] std::string certificate() const { return File(".pem"); }
  // Makes `path`.pem and `path`.key. Days may be negative.
  void Sign(const std::string& path, int days = 1) const {
    Run({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path + ".key", "-out",
         path + ".csr", "-subj", "/CN=perennial", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"});
    Run({"x509", "-req", "-in", path + ".csr", "-CA", certificate(), "-CAkey", File(".key"), "-CAcreateserial", "-days",
         std::to_string(days), "-copy_extensions", "copy", "-out", path + ".pem"});
  }

 private:
  [[nodiscard]] std::string File(const std::string& ending) const { return folder_ + "/" + name_ + ending; }
  static void Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const Finished finished = RunToEnd(arguments);
    ASSERT_EQ(finished.exit_code, 0) << finished.err;
  }

  const std::string folder_;
  const std::string name_;
};

}  // namespace perennial::testing
