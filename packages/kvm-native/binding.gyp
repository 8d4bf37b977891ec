{
  "targets": [
    {
      "target_name": "kvm",
      "sources": ["src/addon.cc", "src/syscalls.cc", "src/interrupts.cc"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_ADDON_API_CPP_EXCEPTIONS"],
      "cflags_cc": ["-std=c++17", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden", "-fexceptions"],
      "cflags_cc!": ["-fno-exceptions"],
      "ldflags": ["-static-libstdc++", "-static-libgcc", "-s", "-Wl,-z,nodelete"]
    }
  ]
}
