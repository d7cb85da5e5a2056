/// \file
/// Owners of libcurl's objects.
#pragma once

#include <curl/curl.h>

#include <memory>

namespace wikipedia {

/// Calls one of libcurl's clean-up functions, whatever it returns.
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

}  // namespace wikipedia
