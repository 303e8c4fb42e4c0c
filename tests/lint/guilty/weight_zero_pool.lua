listen { address = "127.0.0.1:8080" }
pool("web", { -- <- weight_zero_pool
  backends = {
    { name = "web1", address = "10.0.0.1:8000", weight = 0 },
    { name = "web2", address = "10.0.0.2:8000", weight = 0 },
  },
})
