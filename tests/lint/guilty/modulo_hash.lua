listen { address = "127.0.0.1:8080" }

pool("apps", { -- <- modulo_hash
  balance = "hash_mod",
  backends = {
    { name = "apps1", address = "10.0.0.1:8000" },
    { name = "apps2", address = "10.0.0.2:8000" },
  },
})
