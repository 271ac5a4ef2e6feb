// Package storage follows Azure flow logs in Azure Storage: it finds blobs that
// are new or have grown, reads what was added, splits it into records, hands
// them out in batches and keeps checkpoints of what the host has. It only ever
// reads and lists. It knows nothing of Fluent Bit.
//
// An [Agent] (agent.go) is what a process has once. [Agent.Open] makes a [Follower]
// (follower.go) for a section of the configuration ([Options]). Each of its accounts
// (account.go) runs the hops below on its own, and waits for another one only where
// both hold more than their own part of the memory, or read records of megabytes.
//
// # The way of a blob
//
// Hop 1, find: a container (find.go) lists new flow logs and NICs every few
// minutes (find_list.go, find_pages.go), and asks for the hours of known NICs by
// name (find_known.go), when the package schedule says that they are due.
// find_path.go reads the names of blobs, find_selection.go
// says which are this section's, find_end.go when it has read all of them.
// find_watermark.go says what is too old to be looked for, find_archived.go what
// cannot be read yet. What has changed goes into the blobs of the account.
//
// blobs.go is where a blob stands between the hops: its stages, and the only
// methods that change them. Readers take blobs from its queue, those of now before
// older ones (lanes.go).
//
// Hop 2, fetch: a reader asks for what stands behind the checkpoint of a known blob,
// if that has changed: mostly that is all (fetch_one.go says when it is not). Else it
// asks for the block list of a blob (fetch.go), whose ETag
// names one version of it, and for the bytes behind the checkpoint of this version
// (If-Match) in pieces of 1 MB. A blob that changes meanwhile rests a moment
// (account.outcome) and is read on in its new version: from its beginning where
// it is shorter, or the bytes before the checkpoint are others than they were.
// fetch_memory.go bounds what is held.
//
// Hop 3, split: nsgflow/internal/split takes records out of the pieces, split.go tells one
// that is damaged from one that is half written.
//
// Hop 4, commit: what was read waits in commit_ready.go. The committer
// (commit.go) makes batches of it, account by account in turns, each with a
// [Token], and writes checkpoints behind what the host has: the life of a token
// is told there. commit_checkpoints.go says what is wrong with the store, which
// is the package [fluent-bit-nsgflow/nsgflow/storage/checkpoint].
//
// # Beside the way
//
//	requests*.go  how the service is asked: pauses, tries, what an answer means (requests_meaning.go), whose time counts
//	signin*.go    secrets, identities, clouds, and what must not be seen in a line
//	discover*.go  which accounts there are, with "discover"
//	inventory.go  writes the estate's inventory and service tags, with option context_path
//	state.go      shows and sets checkpoints while no agent runs
//	limiter.go    shares out requests and memory among accounts
//	waiting.go    what reading waits for, for logs and metrics; alerts.go logs it once; stats.go has the figures
//
// # What always holds
//
//   - Nothing but bytes that were read moves a checkpoint, but for blobs that were
//     there before option start (find_watermark.go): an answer that is not the
//     service's, or no success, makes the blob, its container or the account wait
//     (requests_meaning.go has the table).
//   - Checkpoints are written in the order of the tokens, and only up to the last
//     that is committed. So a kill repeats what was in flight, and loses nothing.
//   - A blob is one follower's: two sections with the same folder of checkpoints
//     read different parts of a container, of which they share checkpoints and
//     watermark (checkpoint.Claim); another process cannot open that folder.
//   - How much is handed out beyond what is saved (Options.BatchBytes,
//     Options.PendingLimit) is up to who calls [Follower.Next]: in Fluent Bit
//     plugin/feed.go and plugin/handover.go, where a dead output stops the reading.
//
// # What is locked
//
// In this order: committer.mu, ready.mu, blobs.mu. Under them, alone and for
// moments: the locks of limiter, names, archive, backoff, figures and alerts. None
// is held while a request is under way or a disk is asked, so that Next, Taken,
// Commit, ChunksIn, Saved, Stats and Waiting wait for neither. Two are held
// meanwhile: Agent.mu while a database is opened, client.renewing while a file of
// a secret is read.
//
// # Words
//
//   - host: who takes the batches, Fluent Bit for instance.
//   - of now: of an hour that is still written to, up to 20 minutes after its end.
//   - closed: of an hour that is over for two hours; what has no end gets none.
//   - half: read up to a record that has no end yet.
//   - resting: not to be read before a pause is over.
//   - settled: an hour that is not listed any more; checkpoints of it are not kept.
//     The watermark of a container is the end of what is settled.
//   - sweep: a listing of all hours that are not settled.
//   - standing: why something is not read, and since when.
//   - taken, committed, saved: how far the host and the checkpoints are with a batch
//     (see [Token]).
//
// # To add a reason for waiting
//
// Add it to the constants and words of waiting.go, and either a row to the tables
// of requests_meaning.go or a standing of its own to Follower.Waiting. Then add
// what it says to plugin/tables/waits.go, and run "make generate".
package storage
