#!/bin/sh
# The lab's first process. It mounts the host's files as the root, runs one script and reports its status. Its messages
# to the host are lines on the third port: "phase NAME", and at the end "status N".
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in /modules/*; do
  insmod "$module" || echo "lab: cannot load $module"
done
# The number of the ports' device depends on the kernel.
port() { ls /dev/vport*"p$1"; }
until port 3 >/dev/null 2>&1; do usleep 5000; done
exec 3<>"$(port 3)"
echo "phase modules" >&3

fail() {
  echo "fail $*" >&3
  sleep 60
}

# The host's request: a line with the mode, one with the names of the layers, one for each writable folder, an empty
# one, the length of the script, and the script.
read -r mode <&3
read -r layers <&3
mkdir -p /host /upper /root
nine() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,$3" "$1" "$2"; }
nine root /host ro,cache=loose || fail "the host's files cannot be mounted"
lower=/host
for layer in $layers; do
  mkdir "/$layer"
  nine "$layer" "/$layer" ro,cache=loose || fail "$layer cannot be mounted"
  lower=/$layer:$lower
done
mount -t tmpfs -o mode=755 work /upper
mkdir /upper/files /upper/work
mount -t overlay -o "lowerdir=$lower,upperdir=/upper/files,workdir=/upper/work" root /root ||
  fail "the overlay over the host's files cannot be mounted"
mount -t devtmpfs dev /root/dev
mkdir -p /root/dev/pts /root/dev/shm
mount -t devpts pts /root/dev/pts
mount -t tmpfs shm /root/dev/shm
mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
# devtmpfs lacks the links to a process's own descriptors.
ln -s /proc/self/fd /root/dev/fd
ln -s fd/0 /root/dev/stdin
ln -s fd/1 /root/dev/stdout
ln -s fd/2 /root/dev/stderr
mount -t tmpfs run /root/run
index=0
while IFS= read -r share <&3 && [ -n "$share" ]; do
  mkdir -p "/root$share"
  nine "share$index" "/root$share" rw || fail "$share cannot be mounted"
  index=$((index + 1))
done
chmod 666 /dev/kvm 2>/dev/null
ifconfig lo 127.0.0.1 up
hostname lab
mkdir -p /root/run/lab
cp /bin/busybox /root/run/lab/sh
read -r length <&3
head -c "$length" <&3 >/root/run/lab/script
echo "phase mounts" >&3

if [ "$mode" = terminal ]; then
  # The first virtio console, after those that the kernel's own console uses.
  case $(cat /proc/cmdline) in *console=hvc0*) terminal=/dev/hvc1 ;; *) terminal=/dev/hvc0 ;; esac
  export terminal
  # A session leader that opens a terminal gets it as its controlling terminal.
  setsid sh -c 'exec chroot /root /run/lab/sh /run/lab/script <$terminal >$terminal 2>&1 3>&-'
  status=$?
else
  # Through pipes, so that the command's descriptors are pipes, as they often are elsewhere.
  mkfifo /out /err
  cat </out >"$(port 1)" &
  out=$!
  cat </err >"$(port 2)" &
  err=$!
  chroot /root /run/lab/sh /run/lab/script </dev/null >/out 2>/err 3>&-
  status=$?
  # A background process may still hold the pipes. The script does not wait for it.
  (sleep 1; kill $out $err) 2>/dev/null &
  wait $out $err
fi
echo "status $status" >&3
sleep 60
