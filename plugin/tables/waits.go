package tables

import "fluent-bit-nsgflow/nsgflow/storage"

// What the input waits for at the host's side; storage has the other reasons.
const (
	WaitLimit      = "limit"
	WaitDraining   = "draining"
	WaitOutput     = "output"
	WaitPaused     = "paused"
	WaitAppend     = "append"
	WaitCheckpoint = "checkpoint"
	WaitRoom       = "room"
	WaitFault      = "fault"
)

// Wait is a reason for which the input does not go on: a value of the label
// reason, what it means and what to do.
type Wait struct{ Reason, Says, Do string }

// Waits is every reason.
var Waits = []Wait{
	{WaitLimit, "Fluent Bit holds pending_limit of events, and the outputs take none",
		"look at the retries of the outputs, or for chunks that no output takes"},
	{WaitDraining, "what Fluent Bit holds in memory has to be delivered before a checkpoint",
		"look at the retries of the outputs, or set storage.type filesystem, which needs no such pause"},
	{WaitOutput, "an output does not take what Fluent Bit holds in memory: the others get more, up to pending_limit, but there is no checkpoint, and a crash repeats all of it",
		"mend the output, bound its Retry_Limit, or set storage.type filesystem"},
	{WaitPaused, "Fluent Bit has paused the input: a limit of memory or of chunks is reached",
		"look at the retries of the outputs, at mem_buf_limit and at storage.pause_on_chunks_overlimit"},
	{WaitAppend, "Fluent Bit refuses the records",
		"look for its own lines, and for room on the disk of storage.path"},
	{WaitRoom, "the disk of storage.path has less room than the events of the next records may take",
		"make room there"},
	{WaitCheckpoint, "no checkpoint is written for what Fluent Bit has",
		"look at the disk of state_path"},
	{WaitFault, "an internal error stops the reading; nothing is lost",
		"report the line, and start the agent anew"},
	{storage.SignIn.String(), "the sign-in is refused", "look at the secret, the certificate or the identity that the line names"},
	{storage.Forbidden.String(), "rights are missing", "give the role Storage Blob Data Reader, a key or SAS token that is valid, or open the firewall of the account"},
	{storage.Throttled.String(), "storage asks for fewer requests", "make poll_interval longer, or concurrency smaller"},
	{storage.Service.String(), "the service answers that it failed", "wait; look at the status of Azure"},
	{storage.Network.String(), "the service is not reached", "look at name resolution, firewall and proxy"},
	{storage.Refused.String(), "the service refuses a blob or a listing as it stands", "look at the blob in Azure"},
	{storage.Internal.String(), "an internal error keeps a blob from being read, or a container from being listed; nothing is lost", "report the line"},
	{storage.Disk.String(), "checkpoints cannot be written", "make room on the disk of state_path"},
	{storage.Damaged.String(), "the checkpoints are damaged", "move nsgflow.db away and start the agent anew"},
	{storage.Lookup.String(), "accounts cannot be looked for; those known are read", "look at the way to Resource Graph and at the role Reader of the identity"},
}

// WaitOf is the row of a reason.
func WaitOf(reason string) Wait {
	for _, w := range Waits {
		if w.Reason == reason {
			return w
		}
	}
	return Wait{Reason: reason}
}
