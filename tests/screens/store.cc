// A piece of a web shop, shown by the golden screens.
#include "store.h"

void SessionStore::put(const User& user) {
  if (user.anonymous())
    return;
  auto key = random_token();      // one per login
  std::lock_guard g(mu_);
  by_token_.emplace(key, std::make_unique<Session>(user));
}

Session* SessionStore::find(const std::string& token) {
  std::lock_guard g(mu_);
  auto it = by_token_.find(token);
  return it == by_token_.end() ? nullptr : it->second.get();
}
