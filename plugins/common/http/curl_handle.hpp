/// \file
/// Owning pointers to libcurl objects.
#pragma once

#include <curl/curl.h>

#include <memory>

namespace http {

/// Deleter that calls a libcurl cleanup function and ignores its result.
template <auto Function>
struct CurlDelete {
  template <class T>
  void operator()(T* object) const noexcept {
    Function(object);
  }
};

using EasyHandle = std::unique_ptr<CURL, CurlDelete<curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, CurlDelete<curl_multi_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, CurlDelete<curl_slist_free_all>>;

}  // namespace http
