//go:build linux

// Command guest is the first process of the machine whose power is cut: it
// loads drivers, takes the network up, mounts the disk and runs the agent. What
// it says goes to the console, with "guest: " in front.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	// A panic of the kernel is what follows a first process that ends; the
	// machine is told to end with it.
	if err := run(); err != nil {
		fmt.Println("guest:", err)
	}
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func run() error {
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("%s: %w", m.at, err)
		}
	}
	modules, err := os.ReadFile("/modules")
	if err != nil {
		return err
	}
	for _, path := range strings.Fields(string(modules)) {
		if err := load(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(os.Args) > 1 && os.Args[1] == "trial" {
		fmt.Println("guest: it boots")
		return nil
	}
	if err := takeUp("lo", [4]byte{127, 0, 0, 1}, [4]byte{255}); err != nil {
		return err
	}
	if err := takeUp("eth0", [4]byte{10, 0, 2, 15}, [4]byte{255, 255, 255}); err != nil {
		return err
	}
	if err := os.MkdirAll("/data", 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/dev/vda", "/data", "ext4", 0, ""); err != nil {
		return fmt.Errorf("the disk: %w", err)
	}
	chunks, _ := filepath.Glob("/data/storage/nsgflow.0/*.flb")
	fmt.Printf("guest: the disk is mounted, with %d chunks\n", len(chunks))
	agent := exec.Command("/agent/fluent-bit", "-c", "/agent/agent.conf")
	agent.Stdout, agent.Stderr = os.Stdout, os.Stdout
	return fmt.Errorf("the agent ended: %v", agent.Run())
}

// load takes a driver, packed or not.
func load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	flags := 0
	if !strings.HasSuffix(path, ".ko") {
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	if err := unix.FinitModule(int(file.Fd()), "", flags); err != unix.EEXIST {
		return err
	}
	return nil
}

// takeUp gives an interface its address and mask. The host is on the same link.
func takeUp(name string, address, mask [4]byte) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	for _, set := range []struct {
		request uint
		value   func(*unix.Ifreq) error
	}{
		{unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(address[:]) }},
		{unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr(mask[:]) }},
		{unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
	} {
		r, err := unix.NewIfreq(name)
		if err == nil {
			err = set.value(r)
		}
		if err == nil {
			err = unix.IoctlIfreq(socket, set.request, r)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
