// A contender: the work of the C baseline in Go, with plain system calls and only the standard library.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const (
	createVM            = 0xae01
	checkExtension      = 0xae03
	getVCPUMmapSize     = 0xae04
	createVCPU          = 0xae41
	setUserMemoryRegion = 0x4020ae46
	run                 = 0xae80
	getRegs             = 0x8090ae81
	setRegs             = 0x4090ae82
	getSregs            = 0x8138ae83
	setSregs            = 0x4138ae84

	capUserMemory = 3
	exitIO        = 2
	exitHlt       = 5
	exitMMIO      = 6
)

type regs struct {
	RAX, RBX, RCX, RDX, RSI, RDI, RSP, RBP, R8, R9, R10, R11, R12, R13, R14, R15, RIP, RFLAGS uint64
}

type segment struct {
	Base     uint64
	Limit    uint32
	Selector uint16
	Rest     [10]byte
}

type sregs struct {
	CS, DS, ES, FS, GS, SS, TR, LDT segment
	Rest                            [120]byte
}

type region struct {
	Slot, Flags              uint32
	GuestPhysAddr, Size, HVA uint64
}

func must(condition bool, what string, reason interface{}) {
	if !condition {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, reason)
		os.Exit(1)
	}
}

func ioctl(fd, request, argument uintptr) uintptr {
	result, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, argument)
	must(errno == 0, fmt.Sprintf("ioctl %#x", request), errno)
	return result
}

type guest struct {
	kvm, vm, vcpu uintptr
	memory, state []byte
}

func start(code []byte) *guest {
	kvm, err := syscall.Open("/dev/kvm", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	must(err == nil, "/dev/kvm", err)
	g := &guest{kvm: uintptr(kvm)}
	size := ioctl(g.kvm, getVCPUMmapSize, 0)
	g.vm = ioctl(g.kvm, createVM, 0)
	protection, flags := syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANONYMOUS
	g.memory, err = syscall.Mmap(-1, 0, 0x10000, protection, flags)
	must(err == nil, "mmap", err)
	copy(g.memory[0x1000:], code)
	r := region{Size: 0x10000, HVA: uint64(uintptr(unsafe.Pointer(&g.memory[0])))}
	ioctl(g.vm, setUserMemoryRegion, uintptr(unsafe.Pointer(&r)))
	g.vcpu = ioctl(g.vm, createVCPU, 0)
	g.state, err = syscall.Mmap(int(g.vcpu), 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	must(err == nil, "mmap of the run state", err)
	var s sregs
	ioctl(g.vcpu, getSregs, uintptr(unsafe.Pointer(&s)))
	for _, each := range []*segment{&s.CS, &s.DS, &s.ES} {
		each.Base, each.Selector = 0, 0
	}
	ioctl(g.vcpu, setSregs, uintptr(unsafe.Pointer(&s)))
	r0 := regs{RIP: 0x1000, RFLAGS: 2, RSP: 0x8000}
	ioctl(g.vcpu, setRegs, uintptr(unsafe.Pointer(&r0)))
	return g
}

func (g *guest) stop() {
	syscall.Munmap(g.state)
	syscall.Close(int(g.vcpu))
	syscall.Close(int(g.vm))
	syscall.Munmap(g.memory)
	syscall.Close(int(g.kvm))
}

func (g *guest) run(reason uint32) {
	ioctl(g.vcpu, run, 0)
	got := *(*uint32)(unsafe.Pointer(&g.state[8]))
	must(got == reason, "exit reason", got)
}

var (
	writesPort   = []byte{0xba, 0x10, 0x00, 0xee, 0xeb, 0xfd}
	writesDevice = []byte{0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xa2, 0x00, 0x00, 0xeb, 0xfb}
	halts        = []byte{0xf4}

	port, device *guest
	sink         uint64
)

func portGuest() *guest {
	if port == nil {
		port = start(writesPort)
	}
	return port
}

func portWrites(count int) {
	g := portGuest()
	for i := 0; i < count; i++ {
		g.run(exitIO)
		offset := *(*uint64)(unsafe.Pointer(&g.state[40]))
		sink += uint64(*(*uint16)(unsafe.Pointer(&g.state[34]))) + uint64(g.state[offset])
	}
}

func deviceWrites(count int) {
	if device == nil {
		device = start(writesDevice)
	}
	for i := 0; i < count; i++ {
		device.run(exitMMIO)
		sink += *(*uint64)(unsafe.Pointer(&device.state[32])) + uint64(device.state[40])
	}
}

func readRegisters(count int) {
	g := portGuest()
	var r regs
	for i := 0; i < count; i++ {
		g.run(exitIO)
		ioctl(g.vcpu, getRegs, uintptr(unsafe.Pointer(&r)))
		sink += r.RAX + r.RBX + r.RCX + r.RDX + r.RSI + r.RDI + r.RSP + r.RBP +
			r.R8 + r.R9 + r.R10 + r.R11 + r.R12 + r.R13 + r.R14 + r.R15 + r.RIP + r.RFLAGS
	}
}

func changeRegisters(count int) {
	g := portGuest()
	var r regs
	for i := 0; i < count; i++ {
		g.run(exitIO)
		ioctl(g.vcpu, getRegs, uintptr(unsafe.Pointer(&r)))
		r.RAX++
		ioctl(g.vcpu, setRegs, uintptr(unsafe.Pointer(&r)))
	}
}

func checks(count int) {
	g := portGuest()
	for i := 0; i < count; i++ {
		sink += uint64(ioctl(g.kvm, checkExtension, capUserMemory))
	}
}

func gets(count int) {
	g := portGuest()
	var r regs
	for i := 0; i < count; i++ {
		ioctl(g.vcpu, getRegs, uintptr(unsafe.Pointer(&r)))
		sink += r.RIP
	}
}

func sets(count int) {
	g := portGuest()
	var r regs
	ioctl(g.vcpu, getRegs, uintptr(unsafe.Pointer(&r)))
	for i := 0; i < count; i++ {
		ioctl(g.vcpu, setRegs, uintptr(unsafe.Pointer(&r)))
	}
}

func openToHalt(count int) {
	for i := 0; i < count; i++ {
		g := start(halts)
		g.run(exitHlt)
		g.stop()
	}
}

func main() {
	runtime.LockOSThread()
	loops := map[string]func(int){
		"pio": portWrites, "mmio": deviceWrites, "read-registers": readRegisters, "change-registers": changeRegisters,
		"coalesced": portWrites, "doorbell": portWrites, "check-extension": checks,
		"get-registers": gets, "set-registers": sets, "open-to-halt": openToHalt,
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var name string
		var count int
		fmt.Sscan(strings.TrimSpace(lines.Text()), &name, &count)
		loop, known := loops[name]
		switch {
		case !known:
			fmt.Println("-")
		case count == 0:
			fmt.Println()
		default:
			began := time.Now()
			loop(count)
			fmt.Println(time.Since(began).Nanoseconds())
		}
	}
}
