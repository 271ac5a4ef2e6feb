package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// discoveryError is an error of Azure's SDK in one line. The SDK's own text has
// many, with the whole answer.
type discoveryError struct {
	text string
	err  error
}

func (e discoveryError) Error() string { return "azure resource graph: " + e.text }
func (e discoveryError) Unwrap() error { return e.err }

func shortError(err error) error {
	var signIn *azidentity.AuthenticationFailedError
	var answer *azcore.ResponseError
	var inURL *url.Error
	switch {
	case errors.As(err, &signIn) && signIn.RawResponse != nil:
		return discoveryError{"sign-in: " + reason(signIn.RawResponse), err}
	case errors.As(err, &answer) && answer.RawResponse != nil:
		return discoveryError{reason(answer.RawResponse), err}
	case errors.As(err, &inURL):
		return discoveryError{oneLine(inURL.Err.Error()), err}
	}
	return discoveryError{oneLine(err.Error()), err}
}

// reason is the status and the codes of an answer: those of a resource manager
// (the outer code is often BadRequest, the details say why) or, as a text, that
// of a token service, whose description begins with its own ("AADSTS…:").
func reason(answer *http.Response) string {
	text := fmt.Sprintf("HTTP %d", answer.StatusCode)
	body, err := runtime.Payload(answer)
	if err != nil {
		return text
	}
	var tokenService struct {
		Error       string
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &tokenService) == nil && tokenService.Error != "" {
		code, _, _ := strings.Cut(tokenService.Description, ":")
		return oneLine(text + " " + tokenService.Error + " " + code)
	}
	type coded struct{ Code string }
	var manager struct {
		Error struct {
			coded
			Details []coded
		}
	}
	if json.Unmarshal(body, &manager) == nil {
		text += " " + manager.Error.Code
		for _, d := range manager.Error.Details {
			text += " " + d.Code
		}
	}
	return oneLine(text)
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), 200)]
}
