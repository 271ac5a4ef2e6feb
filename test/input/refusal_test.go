package input

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

func TestAzureWrongOptionsStopTheStart(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for _, o := range []struct{ option, message string }{
			{"batch_bytes lots", `[input:nsgflow:nsgflow.0] option batch_bytes: "lots" is not allowed, it takes: size from 16K to 32M`},
			{"shard 3/2", `[input:nsgflow:nsgflow.0] option shard: "3/2" is not allowed, it takes: i/n`},
			{"auth sas_token", `[input:nsgflow:nsgflow.0] option sas_token: missing, auth "sas_token" needs it`},
			{"account_key file:/nowhere", `[input:nsgflow:nsgflow.0] option account_key: open /nowhere: no such file or directory`},
			{"account discover, one", `[input:nsgflow:nsgflow.0] option account: "discover, one" is not allowed, it takes: names of storage accounts`},
			{"colour red", `unknown configuration property 'colour'`}, // the host's words
		} {
			t.Run(o.option, func(t *testing.T) {
				t.Parallel()
				root := follow.Stage(t)
				textfile.Write(t, root, "etc/wrong.conf", follow.Pipeline(root, o.option))
				r.Start(t, root, []string{"AZURE_STORAGE_ACCOUNT=nobody"}, "-c", "etc/wrong.conf").RefusesToStart(o.message)
			})
		}
		t.Run("no account", func(t *testing.T) {
			t.Parallel()
			root := follow.Stage(t)
			textfile.Write(t, root, "etc/wrong.conf", follow.Pipeline(root))
			r.Start(t, root, nil, "-c", "etc/wrong.conf").RefusesToStart("option account: missing, name the storage account")
		})
		t.Run("damaged checkpoints", func(t *testing.T) {
			t.Parallel()
			root := follow.Stage(t)
			textfile.Write(t, root, "etc/damaged.conf", follow.Pipeline(root))
			if err := os.Mkdir(filepath.Join(root, "state"), 0o755); err != nil {
				t.Fatal(err)
			}
			textfile.Write(t, root, "state/nsgflow.db", "")
			r.Start(t, root, []string{"AZURE_STORAGE_ACCOUNT=nobody"}, "-c", "etc/damaged.conf").RefusesToStart(
				`[input:nsgflow:nsgflow.0] option state_path: "` + root + `/state/nsgflow.db" is damaged: move it away, and reading begins anew as option start says (it is empty)`)
		})
		t.Run("the same account twice", func(t *testing.T) {
			t.Parallel()
			root := follow.Stage(t)
			second := "\n[INPUT]\n    Name nsgflow\n    Tag other\n    state_path " + root + "/state\n"
			textfile.Write(t, root, "etc/twice.conf", follow.Pipeline(root)+second)
			r.Start(t, root, []string{"AZURE_STORAGE_ACCOUNT=nobody"}, "-c", "etc/twice.conf").RefusesToStart(
				`[input:nsgflow:nsgflow.1] account "nobody", container "insights-logs-networksecuritygroupflowevent": is followed by another section with the same state_path already`)
		})
	})
}

// A thread of the host would hold records in memory. Up to 4.0.2 a host goes on
// without such an input: it is told to end, and its exit code is that of a clean
// stop.
func TestAzureThreadedIsRefused(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := follow.Stage(t)
		textfile.Write(t, root, "etc/threaded.conf", follow.Pipeline(root, "threaded on"))
		a := r.Start(t, root, []string{"AZURE_STORAGE_ACCOUNT=nobody"}, "-c", "etc/threaded.conf")
		code, log := a.Wait(), a.Log.String()
		if r.Before(2, 0) {
			if code != 255 || !strings.Contains(log, "unknown configuration property 'threaded'") && !r.LosesLastLines() {
				t.Errorf("exit code %d", code)
			}
			return
		}
		if code != 255 && (code != 0 || !r.Before(4, 1)) || !strings.Contains(log, "[input:nsgflow:nsgflow.0] option threaded: is not allowed, it takes: off") {
			t.Errorf("exit code %d", code)
		}
	})
}

// The object is loaded twice where a Path is repeated, or by both names: that
// makes two instances of one section.
func TestAzureLoadedTwiceIsRefused(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for name, paths := range map[string][]string{
			"a path repeated":             {"flb-in_nsgflow.so", "flb-in_nsgflow.so"},
			"both names":                  {"flb-in_nsgflow.so", "in_nsgflow.so"},
			"both names, the other first": {"in_nsgflow.so", "flb-in_nsgflow.so"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if strings.HasPrefix(name, "both") && r.Before(2, 0) {
					t.Skipf("skipped: Fluent Bit %s has no inputs of Go's", r.Version)
				}
				root := follow.Stage(t)
				plugins := "[PLUGINS]\n    Path " + root + "/plugins/flb-filter_nsgflow.so\n"
				for _, path := range paths {
					plugins += "    Path " + root + "/plugins/" + path + "\n"
				}
				textfile.Write(t, root, "etc/azure-plugins.conf", plugins)
				textfile.Write(t, root, "etc/twice.conf", follow.Pipeline(root, "account nobody"))
				a := r.Start(t, root, nil, "-c", "etc/twice.conf")
				// A host that ends over an input of Go's which has not begun may crash.
				if err := <-a.Ended; err == nil {
					t.Error("exit code 0")
				}
				if !a.Says("loaded twice") && !r.LosesLastLines() {
					t.Error("no reason given")
				}
			})
		}
	})
}

// Go does not survive the fork of daemon mode: see TestDaemonModeIsRefused.
// Here no filter is there to say so.
func TestAzureDaemonModeIsRefused(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := follow.Stage(t)
		logFile := filepath.Join(root, "agent.log")
		conf := filepath.Join(root, "etc", "daemon.conf")
		text := strings.Replace(follow.Pipeline(root), "[SERVICE]", "[SERVICE]\n    Daemon On\n    Log_File "+logFile, 1)
		text = strings.Replace(text, follow.Filter, "", 1)
		textfile.Write(t, root, "etc/daemon.conf", text)
		a := r.Start(t, root, []string{"AZURE_STORAGE_ACCOUNT=nobody"}, "-c", conf)
		a.Wait()
		a.Until("the child's end", func() bool { return !fluentbit.Running(t, conf) })
		log := a.Log.String()
		if content, err := os.ReadFile(logFile); err == nil {
			log += string(content)
		}
		if !strings.Contains(log, "run it in the foreground") {
			t.Errorf("no reason given:\n%s", log)
		}
	})
}

// -h shows the options.
func TestAzureHelp(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := follow.Stage(t)
		a := r.Start(t, root, nil, "-e", "plugins/flb-in_nsgflow.so", "-i", "nsgflow", "-h")
		a.Wait()
		for _, part := range []string{"list_interval", "default: 5m", "Takes: i/n with 1 <= i <= n <= 1000."} {
			if !strings.Contains(strings.Join(strings.Fields(a.Out.String()), " "), part) { // lines are wrapped
				t.Errorf("no %q in\n%s", part, a.Out.String())
			}
		}
	})
}

// The input's lines honour the instance's log_level, and no line shows a
// secret, whatever goes wrong with it.
func TestAzureLog(t *testing.T) {
	t.Parallel()
	const key = "c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtc2Vlbi1hbnl3aGVyZQ=="
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		// The key is a wrong one: the service refuses what it signs.
		var env []string
		for _, e := range storage.Environment {
			env = append(env, strings.ReplaceAll(e, azure.Key, key))
		}
		complaint := "[input:nsgflow:nsgflow.0] account " + storage.Account + ": container \"insights-logs-flowlogflowevent\": cannot be listed: HTTP 403 AuthorizationFailure"
		for level, speaks := range map[string]bool{"info": true, "debug": true, "error": false} {
			t.Run(level, func(t *testing.T) {
				t.Parallel()
				if !speaks && r.Before(2, 0) {
					t.Skipf("skipped: Fluent Bit %s does not tell the level of an input", r.Version)
				}
				root := follow.Stage(t)
				textfile.Write(t, root, "etc/level.conf", follow.Pipeline(root, "log_level "+level))
				a := r.Start(t, root, env, "-vv", "-c", "etc/level.conf")
				if speaks {
					a.Until("the complaint", func() bool { return a.Says(complaint) })
				} else {
					time.Sleep(3 * time.Second)
				}
				a.Stop()
				log := a.Log.String()
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
