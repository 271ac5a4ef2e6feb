package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// inputStops expects that an agent ends by itself and says why. Up to 3.x a
// host goes on without an input that could not begin: there the input asks it
// to end, and the exit code is that of a clean stop.
func inputStops(t *testing.T, r release, a *agent, message string) {
	t.Helper()
	want := 255
	if r.before(4, 0) {
		want = 0
	}
	if code := a.wait(); code != want {
		t.Errorf("exit code %d, want %d", code, want)
	}
	if log := a.log.String(); !strings.Contains(log, message) {
		t.Errorf("no %s in the log", message)
	}
}

func TestAzureWrongOptionsStopTheStart(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		for _, o := range []struct {
			option, message string
			from            int // major release
		}{
			{"batch_bytes lots", `[input:nsgflow:nsgflow.0] option batch_bytes: "lots" is not allowed, it takes: size from 64K to 32M`, 2},
			{"shard 3/2", `[input:nsgflow:nsgflow.0] option shard: "3/2" is not allowed, it takes: i/n`, 2},
			{"auth sas_token", `[input:nsgflow:nsgflow.0] option sas_token: missing, auth "sas_token" needs it`, 2},
			{"account_key file:/nowhere", `[input:nsgflow:nsgflow.0] option account_key: open /nowhere: no such file or directory`, 2},
			{"colour red", `unknown configuration property 'colour'`, 5}, // the host's words
		} {
			t.Run(o.option, func(t *testing.T) {
				t.Parallel()
				if r.before(o.from, 1) {
					t.Skipf("skipped: Fluent Bit %s takes no option table from a Go input", r.version)
				}
				root := stageInput(t, r)
				write(t, root, "etc/wrong.conf", following(root, o.option))
				inputStops(t, r, r.start(t, root, []string{"AZURE_STORAGE_ACCOUNT=nobody"}, "-c", "etc/wrong.conf"), o.message)
			})
		}
		t.Run("no account", func(t *testing.T) {
			t.Parallel()
			root := stageInput(t, r)
			write(t, root, "etc/wrong.conf", following(root))
			inputStops(t, r, r.start(t, root, nil, "-c", "etc/wrong.conf"), "option account: missing, name the storage account")
		})
		t.Run("two inputs", func(t *testing.T) {
			t.Parallel()
			root := stageInput(t, r)
			write(t, root, "etc/two.conf", following(root)+"\n[INPUT]\n    Name nsgflow\n    Tag other\n    state_path "+root+"/other\n")
			inputStops(t, r, r.start(t, root, []string{"AZURE_STORAGE_ACCOUNT=nobody"}, "-c", "etc/two.conf"), "a second input nsgflow in one agent is not possible")
		})
	})
}

// Go does not survive the fork of daemon mode: see TestDaemonModeIsRefused.
// Here no filter is there to say so.
func TestAzureDaemonModeIsRefused(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		root := stageInput(t, r)
		logFile := filepath.Join(root, "agent.log")
		conf := filepath.Join(root, "etc", "daemon.conf")
		text := strings.Replace(following(root), "[SERVICE]", "[SERVICE]\n    Daemon On\n    Log_File "+logFile, 1)
		text = strings.Replace(text, filtering("flow", "schema ecs", "original on"), "", 1)
		write(t, root, "etc/daemon.conf", text)
		a := r.start(t, root, []string{"AZURE_STORAGE_ACCOUNT=nobody"}, "-c", conf)
		a.wait()
		a.until("the child's end", func() bool { return !running(t, conf) })
		log := a.log.String()
		if content, err := os.ReadFile(logFile); err == nil {
			log += string(content)
		}
		if !strings.Contains(log, "run it in the foreground") {
			t.Errorf("no reason given:\n%s", log)
		}
	})
}

// -h shows the options where the host takes a table of them.
func TestAzureHelp(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		root := stageInput(t, r)
		if r.before(5, 1) {
			t.Skipf("skipped: Fluent Bit %s takes no option table from a Go input", r.version)
		}
		a := r.start(t, root, nil, "-e", "plugins/in_nsgflow.so", "-i", "nsgflow", "-h")
		a.wait()
		for _, part := range []string{"checkpoint_lag", "default: 5s", "Takes: i/n with 1 <= i <= n <= 1000."} {
			if !strings.Contains(a.out.String(), part) {
				t.Errorf("no %q in\n%s", part, a.out.String())
			}
		}
	})
}

// The input's lines honour the instance's log_level, and no line shows a
// secret, whatever goes wrong with it.
func TestAzureLog(t *testing.T) {
	t.Parallel()
	const key = "c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtc2Vlbi1hbnl3aGVyZQ=="
	inEveryRelease(t, func(t *testing.T, r release) {
		storage := azure.NewStorage(t)
		// The key is a wrong one: the service refuses what it signs.
		var env []string
		for _, e := range storage.Environment {
			env = append(env, strings.ReplaceAll(e, azure.Key, key))
		}
		const complaint = `[input:nsgflow:nsgflow.0] container "insights-logs-flowlogflowevent": cannot be listed: HTTP 403`
		for level, speaks := range map[string]bool{"info": true, "debug": true, "error": false} {
			t.Run(level, func(t *testing.T) {
				t.Parallel()
				root := stageInput(t, r)
				write(t, root, "etc/level.conf", following(root, "log_level "+level))
				a := r.start(t, root, env, "-vv", "-c", "etc/level.conf")
				if speaks {
					a.until("the complaint", func() bool { return strings.Contains(a.log.String(), complaint) })
				} else {
					time.Sleep(3 * time.Second)
				}
				a.stop()
				log := a.log.String()
				if strings.Contains(log, complaint) != speaks {
					t.Errorf("log_level %s: %q is in the log: %v", level, complaint, !speaks)
				}
				for _, secret := range []string{key, key[:20], "AccountKey", "sig="} {
					if strings.Contains(log, secret) {
						t.Errorf("%q is in the log", secret)
					}
				}
			})
		}
	})
}
