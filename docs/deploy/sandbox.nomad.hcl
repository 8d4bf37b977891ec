# A pool of sandboxes on Nomad clients whose Docker driver is enabled.
job "sandbox" {
  datacenters = ["dc1"]
  type        = "service"

  # Clients report their kernel modules only if asked to: set meta { kvm = true } in the configuration of those with KVM.
  constraint {
    attribute = "${meta.kvm}"
    value     = "true"
  }

  group "sandbox" {
    count = 8

    network {
      mode = "none"
    }

    task "sandbox" {
      driver = "docker"

      config {
        image           = "registry.example/sandbox:1"
        cap_drop        = ["ALL"]
        security_opt    = ["no-new-privileges"]
        readonly_rootfs = true
        pids_limit      = 256
        # The group of /dev/kvm on the clients: stat -c %g /dev/kvm
        group_add = ["104"]

        devices = [
          {
            host_path          = "/dev/kvm"
            cgroup_permissions = "rw"
          }
        ]
      }

      # The memory of the guests counts, too.
      resources {
        cores  = 2
        memory = 2048
      }
    }
  }
}
