// Package powercut cuts the power of a machine: a virtual one, whose page cache
// and whose disk's cache are gone with it.
package powercut

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// machine is one that can be switched on again and again, with the same disk.
type machine struct {
	kernel, ramdisk string // files
	accel           string
	disk            *disk
	socket          string // of the disk
}

const (
	qemu     = "qemu-system-x86_64"
	diskSize = 512 << 20
	memoryMB = "768"
	// trialTime is what a kernel may take to boot with KVM: where it is there
	// and hangs, the machine is emulated.
	trialTime = 5 * time.Second
)

// kernelImage is the newest of Debian's kernels for virtual machines: ext4 is in it.
func kernelImage() (image, version string, err error) {
	found, _ := filepath.Glob("/boot/vmlinuz-*-cloud-amd64")
	if len(found) == 0 {
		return "", "", errors.New("there is no kernel in /boot: Debian's package linux-image-cloud-amd64 brings it")
	}
	slices.Sort(found)
	image = found[len(found)-1]
	return image, strings.TrimPrefix(image, "/boot/vmlinuz-"), nil
}

// newMachine makes a machine with an empty disk in dir. The agent in it is
// fluentBit with the object, and conf is its configuration.
func newMachine(dir, fluentBit, object, conf string) (*machine, error) {
	image, version, err := kernelImage()
	if err != nil {
		return nil, err
	}
	m := &machine{kernel: image, ramdisk: filepath.Join(dir, "ramdisk"), accel: "tcg", socket: filepath.Join(dir, "disk.sock")}
	guest := filepath.Join(dir, "guest")
	build := exec.Command("go", "build", "-o", guest, "./test/powercut/guest")
	build.Dir, build.Env = engine.Root(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	d := ramdisk{}
	d.put("/agent/agent.conf", []byte(conf))
	d.put("/agent/plugins.conf", []byte("[PLUGINS]\n    Path /agent/flb-in_nsgflow.so\n"))
	for _, err := range []error{
		d.add("/init", guest),
		d.addProgram("/agent/fluent-bit", fluentBit),
		d.addProgram("/agent/flb-in_nsgflow.so", object),
		d.addModules(version, "virtio_pci", "virtio_blk", "virtio_net"),
	} {
		if err != nil {
			return nil, err
		}
	}
	file, err := os.Create(m.ramdisk)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.write(file), file.Close()); err != nil {
		return nil, err
	}
	platter, err := os.Create(filepath.Join(dir, "disk"))
	if err != nil {
		return nil, err
	}
	if err := platter.Truncate(diskSize); err != nil {
		return nil, err
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", platter.Name()).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mkfs.ext4: %w: %s", err, out)
	}
	m.disk = newDisk(platter, diskSize)
	listener, err := net.Listen("unix", m.socket)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go m.disk.serve(c)
		}
	}()
	if kvm, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err == nil {
		kvm.Close()
		m.accel = "kvm"
		if err := m.trial(); err != nil {
			m.accel = "tcg"
		}
	}
	return m, nil
}

// trial boots and switches off.
func (m *machine) trial() error {
	l, err := m.on("-- trial")
	if err != nil {
		return err
	}
	defer l.cut()
	ctx, cancel := context.WithTimeout(context.Background(), trialTime)
	defer cancel()
	return l.until(ctx, "guest: it boots")
}

// life is a machine between switching it on and cutting its power.
type life struct {
	machine *machine
	command *exec.Cmd
	console engine.Buffer
	ended   chan struct{}
}

// on switches the machine on, with more for the kernel's command line.
func (m *machine) on(args ...string) (*life, error) {
	l := &life{machine: m, ended: make(chan struct{})}
	l.command = exec.Command(qemu, "-accel", m.accel, "-m", memoryMB, "-nodefaults", "-no-user-config", "-no-reboot",
		"-display", "none", "-serial", "stdio", "-kernel", m.kernel, "-initrd", m.ramdisk,
		// A kernel that is emulated on a busy machine finds its timer late, and gives up.
		"-append", "console=ttyS0 quiet panic=-1 no_timer_check "+strings.Join(args, " "),
		// The guest sees a disk with a cache, and flushes it.
		"-drive", "file=nbd:unix:"+m.socket+",format=raw,if=virtio,cache=writeback",
		"-netdev", "user,id=host", "-device", "virtio-net-pci,netdev=host,romfile=")
	l.command.Stdout, l.command.Stderr = &l.console, &l.console
	l.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := l.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		l.command.Wait()
		close(l.ended)
	}()
	return l, nil
}

// until waits for a text on the console.
func (l *life) until(ctx context.Context, text string) error {
	for !strings.Contains(l.console.String(), text) {
		select {
		case <-l.ended:
			return fmt.Errorf("the machine ended before it said %q", text)
		case <-ctx.Done():
			return fmt.Errorf("%w: the machine has not said %q", ctx.Err(), text)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// cut takes the power away.
func (l *life) cut() error {
	l.command.Process.Kill()
	<-l.ended
	return l.machine.disk.cut()
}
