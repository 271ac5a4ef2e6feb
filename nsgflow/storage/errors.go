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
)

// errorClass says what an error of a request concerns.
type errorClass uint8

const (
	serviceError errorClass = iota // passes, and concerns all requests of the account
	signInError                    // as serviceError, and a new secret may help
	rightsError                    // as signInError, but concerns this container
	blobError                      // concerns this blob or container as it stands
)

// blobStatus are the answers that another request would get as well: they
// concern what was asked for.
var blobStatus = map[int]bool{
	http.StatusNotModified: true, http.StatusBadRequest: true, http.StatusNotFound: true, http.StatusConflict: true,
	http.StatusPreconditionFailed: true, http.StatusRequestedRangeNotSatisfiable: true,
}

func classify(err error) errorClass {
	var signIn *azidentity.AuthenticationFailedError
	if errors.As(err, &signIn) {
		return signInError
	}
	var response *azcore.ResponseError
	if !errors.As(err, &response) {
		return serviceError
	}
	switch {
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		if strings.HasPrefix(response.ErrorCode, "Authorization") {
			return rightsError
		}
		return signInError
	case blobStatus[response.StatusCode]:
		return blobError
	}
	return serviceError
}

func hasStatus(err error, code int) bool {
	var response *azcore.ResponseError
	return errors.As(err, &response) && response.StatusCode == code
}

// describe is an error in one line: its reason, without the URL, which may hold
// a secret, and without the rest of the answer.
func describe(err error) string {
	var discovery discoveryError
	if errors.As(err, &discovery) {
		return discovery.Error()
	}
	var signIn *azidentity.AuthenticationFailedError
	if errors.As(err, &signIn) && signIn.RawResponse != nil {
		return "sign-in: " + reason(signIn.RawResponse)
	}
	var response *azcore.ResponseError
	if errors.As(err, &response) {
		text := fmt.Sprintf("HTTP %d %s", response.StatusCode, response.ErrorCode)
		if response.RawResponse != nil {
			if id := response.RawResponse.Header.Get("x-ms-request-id"); id != "" {
				text += " (request " + id + ")"
			}
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
	return shorten(err.Error())
}

// shorten keeps the beginning of a text, up to the end of a word.
func shorten(text string) string {
	const most = 400
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	text = text[:most]
	if end := strings.LastIndexByte(text, ' '); end > most/2 {
		text = text[:end]
	}
	return strings.ToValidUTF8(text, "") + " …"
}
