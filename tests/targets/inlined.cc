// inlined: allocations at the end of calls that the compiler has inlined into each other, for the comparison of names. Built as a shared
// library, in each way that compilers have to describe it; loads.c calls work() of all of them.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

struct Order {
        std::string customer;
        std::vector<int> items;
        std::shared_ptr<Order> before;
};

template <int N> struct Shop {
        std::map<int, Order> orders;
        std::unordered_map<std::string, std::vector<Order>> by_name;

        Order &order(int id)
        {
                Order &order = orders[id];

                order.customer = std::string(static_cast<size_t>(40 + N), 'a' + N % 20);
                order.items.resize(static_cast<size_t>(20 + id % 10));
                std::iota(order.items.begin(), order.items.end(), N);
                return order;
        }
        void deliver(int id)
        {
                auto found = orders.find(id);

                if (found == orders.end())
                        return;
                by_name[found->second.customer + std::to_string(id)].push_back(found->second);
        }
        int total()
        {
                std::function<int(const Order &)> sum = [this](const Order &order) {
                        std::vector<int> sorted(order.items);

                        std::stable_sort(sorted.begin(), sorted.end(), [](int a, int b) { return a % 7 < b % 7; });
                        return static_cast<int>(sorted.size() + orders.size()) + sorted[0];
                };
                int all = 0;

                for (auto &named : by_name)
                        for (auto &order : named.second)
                                all += sum(order);
                return all;
        }
};

template <int N> __attribute__((noinline)) int day(int n)
{
        Shop<N> shop;
        std::ostringstream said;
        std::set<std::string> words;
        std::shared_ptr<Order> last;

        for (int i = 0; i < n; i++) {
                auto next = std::make_shared<Order>(shop.order(i));

                shop.deliver(i);
                next->before = last;
                last = next;
                said << i << " of a day with some more words to say than fit into a small string " << N;
                words.insert(said.str().substr(static_cast<size_t>(i)));
        }
        std::regex pattern("(some|a)+ (more|few)? ?[w]ord[s]{0,2}" + std::string(N % 2 ? " to" : " of"));
        std::smatch match;
        const std::string text = said.str();

        return shop.total() + (std::regex_search(text, match, pattern) ? static_cast<int>(match.size()) : 0);
}

template <int... N> int days(int n, std::integer_sequence<int, N...>)
{
        return (0 + ... + day<N>(n));
}

} // namespace

extern "C" __attribute__((visibility("default"))) int work(int n)
{
        return days(n, std::make_integer_sequence<int, 6>());
}
