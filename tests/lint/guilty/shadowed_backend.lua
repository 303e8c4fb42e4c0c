listen { address = "127.0.0.1:8080" }
pool("web", {
  backends = {
    { name = "web1", address = "10.0.0.1:8000" },
    { name = "web2", address = "10.0.0.2:8000" },
    { name = "web3", address = "10.0.0.2:8000" }, -- <- shadowed_backend
  },
})
