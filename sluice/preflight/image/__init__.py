"""The image: its tag, its registry, and the architectures it knows. Whether a host can run it is `driver`."""
