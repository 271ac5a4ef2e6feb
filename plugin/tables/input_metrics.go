package tables

import "fluent-bit-nsgflow/nsgflow/storage"

// InputMetric is a metric of the input. fluentbit_input_ stands before its
// name, and the label name (the instance's alias or name) before its labels.
type InputMetric struct {
	Name   string
	Gauge  bool // else a counter
	Labels []string
	Help   string
	// Samples calls sample for each series.
	Samples func(f InputFigures, sample func(value float64, labels ...string))
}

// InputFigures are the figures of an input.
type InputFigures struct {
	Accounts []storage.AccountStats
	Refused  uint64   // appends
	Waiting  []string // reasons, one for each account or once for all, that have lasted for a while
}

// InputMetrics is every metric of the input, in the order of the docs.
var InputMetrics = []InputMetric{
	counterOf("nsgflow_records_total", "Records of flow logs that Fluent Bit has taken.", func(s storage.AccountStats) uint64 { return s.Records }),
	counterOf("nsgflow_bytes_total", "Bytes of these records.", func(s storage.AccountStats) uint64 { return s.Bytes }),
	counterOf("nsgflow_read_bytes_total", "Bytes of blobs fetched.", func(s storage.AccountStats) uint64 { return s.Read }),
	{"nsgflow_requests_total", false, []string{"account", "kind", "status"}, "Requests: list, ask (for what is new of a blob), blocks or get, by HTTP status or failed.",
		func(f InputFigures, sample func(float64, ...string)) {
			for _, s := range f.Accounts {
				for kind, n := range s.Requests {
					sample(float64(n), s.Account, kind.Kind, kind.Status)
				}
			}
		}},
	counterOf("nsgflow_throttled_total", "Answers 429 and 503.", func(s storage.AccountStats) uint64 { return s.Throttled }),
	counterOf("nsgflow_retries_total", "Requests after one that failed.", func(s storage.AccountStats) uint64 { return s.Retries }),
	counterOf("nsgflow_checkpoints_total", "Checkpoints written.", func(s storage.AccountStats) uint64 { return s.Checkpoints }),
	counterOf("nsgflow_blob_restarts_total", "Blobs read from their beginning because they were replaced or have shrunk.", func(s storage.AccountStats) uint64 { return s.Restarts }),
	{"nsgflow_refused_appends_total", false, nil, "Segments of records that Fluent Bit refused; each is retried.",
		func(f InputFigures, sample func(float64, ...string)) {
			sample(float64(f.Refused))
		}},
	gaugeOf("nsgflow_blobs_open", "Blobs with something that is behind no checkpoint yet.", func(s storage.AccountStats) float64 { return float64(s.Open) }),
	{"nsgflow_waiting", true, []string{"reason"}, "Accounts that have waited for this reason for 15 seconds or more; 1 where all of the input waits.",
		func(f InputFigures, sample func(float64, ...string)) {
			for _, w := range Waits {
				n := 0
				for _, reason := range f.Waiting {
					if reason == w.Reason {
						n++
					}
				}
				sample(float64(n), w.Reason)
			}
		}},
	gaugeOf("nsgflow_lag_seconds", "Time since the newest record that was handed over was written.", func(s storage.AccountStats) float64 { return s.Lag.Seconds() }),
	gaugeOf("nsgflow_oldest_unread_seconds", "Age of the oldest change of a blob that is behind no checkpoint yet.", func(s storage.AccountStats) float64 { return s.Oldest.Seconds() }),
}

func counterOf(name, help string, of func(storage.AccountStats) uint64) InputMetric {
	m := gaugeOf(name, help, func(s storage.AccountStats) float64 { return float64(of(s)) })
	m.Gauge = false
	return m
}

func gaugeOf(name, help string, of func(storage.AccountStats) float64) InputMetric {
	return InputMetric{name, true, []string{"account"}, help, func(f InputFigures, sample func(float64, ...string)) {
		for _, s := range f.Accounts {
			sample(of(s), s.Account)
		}
	}}
}
