package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"fluent-bit-nsgflow/nsgflow/storage/internal/oneline"
)

// meaning is what an answer says of what was asked for, and what to do. Only
// present lets a checkpoint move: whatever else is answered, nothing was read.
type meaning uint8

const (
	present     meaning = iota
	gone                // there is no such blob or container: nothing to wait for
	unchanged           // since the version that was asked about
	changed             // meanwhile: to be read anew
	archived            // readable once it is rehydrated, which a listing shows
	refusedSign         // the account waits for a mended secret
	failedSign          // the account waits: who issues tokens failed
	refusedTurn         // the account waits, for as long as the service says
	forbidden           // the container waits for rights, or a mended secret
	refused             // what was asked for waits, maybe for a mended secret
	failed              // what was asked for waits
	noAnswer            // likewise: no answer, or none of the service
)

// meanings are those of answers: the first that fits holds. Codes are
// those of the header x-ms-error-code ("Blob Storage error codes"); without a
// code, or from behind a proxy, 404 says nothing of a blob. A star stands for
// any status, any ending of a code or, alone, any code.
var meanings = []struct {
	status, code string
	meaning      meaning
}{
	{"304", "", unchanged}, {"304", "ConditionNotMet", unchanged},
	{"412", "ConditionNotMet", changed}, {"412", "TargetConditionNotMet", changed},
	{"416", "InvalidRange", changed}, // it is shorter by now
	{"404", "BlobNotFound", gone}, {"404", "ContainerNotFound", gone},
	{"409", "BlobArchived", archived}, {"409", "BlobBeingRehydrated", archived},
	{"429", "", refusedTurn}, {"503", "", refusedTurn}, {"429", "*", refusedTurn}, {"503", "*", refusedTurn},
	{"*", "", noAnswer},
	{"401", "*", refusedSign}, {"403", "Authorization*", forbidden}, {"403", "*", refusedSign},
	{"5**", "*", failed}, // most of 500 and 503 concern one request or partition
	{"*", "*", refused},  // such as 409 PublicAccessNotPermitted, 404 ResourceNotFound: the secret was not seen
}

// waits are the meanings that something has to wait for.
var waits = map[meaning]Reason{refusedSign: SignIn, failedSign: Service, refusedTurn: Throttled, forbidden: Forbidden, refused: Refused, failed: Service, noAnswer: Network}

// mendable are those that another secret may mend.
var mendable = map[meaning]bool{refusedSign: true, forbidden: true, refused: true}

// fault is the error of a request that brought nothing, and what it means.
type fault struct {
	meaning  meaning
	err      error
	signedIn string // as whom, or with what; empty: it does not matter
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// newFault tells the meaning of a request's error.
func newFault(err error) *fault {
	var signIn *azidentity.AuthenticationFailedError
	if errors.As(err, &signIn) {
		if r := signIn.RawResponse; r != nil && (r.StatusCode == http.StatusTooManyRequests || r.StatusCode >= http.StatusInternalServerError) {
			return &fault{meaning: failedSign, err: err}
		}
		return &fault{meaning: refusedSign, err: err}
	}
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) || answer.RawResponse == nil {
		return &fault{meaning: noAnswer, err: err}
	}
	status, code := fmt.Sprint(answer.StatusCode), answer.RawResponse.Header.Get("x-ms-error-code")
	for _, row := range meanings {
		if fits(row.status, status) && fits(row.code, code) {
			return &fault{meaning: row.meaning, err: err}
		}
	}
	return &fault{meaning: noAnswer, err: err}
}

// fits compares with a pattern that may end in stars.
func fits(pattern, text string) bool {
	start := strings.TrimRight(pattern, "*")
	return text == pattern || start != pattern && text != "" && strings.HasPrefix(text, start)
}

// meaningOf is what the request behind an error means. It is not ok for an
// error that is not of a request.
func meaningOf(err error) (m meaning, ok bool) {
	var f *fault
	if errors.As(err, &f) {
		return f.meaning, true
	}
	return present, false
}

func means(err error, m meaning) bool {
	of, ok := meaningOf(err)
	return ok && of == m
}

// describe is an error in one line: its reason, without the URL, which may hold
// a secret, and without the rest of the answer.
func describe(err error) string {
	var discovery discoveryError
	if errors.As(err, &discovery) {
		return discovery.Error()
	}
	who := ""
	if s := (*signInError)(nil); errors.As(err, &s) {
		who = " as " + s.name
		err = s.err
	}
	var signIn *azidentity.AuthenticationFailedError
	if errors.As(err, &signIn) && signIn.RawResponse != nil {
		return "sign-in" + who + ": " + reason(signIn.RawResponse)
	}
	if who != "" {
		return "sign-in" + who + ": " + describe(err)
	}
	var response *azcore.ResponseError
	if errors.As(err, &response) {
		text := fmt.Sprintf("HTTP %d %s", response.StatusCode, response.ErrorCode)
		if response.RawResponse != nil {
			if id := response.RawResponse.Header.Get("x-ms-request-id"); id != "" {
				text += " (request " + id + ")"
			}
		}
		if f := (*fault)(nil); errors.As(err, &f) && f.signedIn != "" {
			text += ", signed in " + f.signedIn
		}
		return text
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Error()
	}
	return oneline.Of(err.Error())
}
