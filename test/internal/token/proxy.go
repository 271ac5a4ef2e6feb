package token

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Route leads a host name, or all that end so (".blob.core.windows.net"), to
// a service on loopback.
func (s *Service) Route(host, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routes[host] = address
}

// Client reaches the services as an agent with the Environment of an identity
// does.
func (s *Service) Client() *http.Client {
	proxy, err := url.Parse(s.Proxy)
	check(s.t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: s.CA.Pool}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// proxy tunnels to the routes, and to nowhere else (RFC 9110, 9.3.6). A
// request in the clear can only be for IMDS.
func (s *Service) proxy(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		if r.URL.Hostname() == imdsAddress {
			s.instanceMetadata(w, r)
		} else {
			http.Error(w, "no route to "+r.URL.Host, http.StatusBadGateway)
		}
		return
	}
	server, err := net.Dial("tcp", s.route(r.URL.Hostname()))
	if err != nil {
		http.Error(w, "no route to "+r.Host, http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	done := make(chan bool, 2)
	pipe := func(to, from net.Conn, r io.Reader) {
		io.Copy(to, r)
		to.Close()
		from.Close()
		done <- true
	}
	go pipe(server, client, buffered)
	go pipe(client, server, server)
	<-done
	<-done
}

// route is the longest that fits; an address that nobody has where none does.
func (s *Service) route(host string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if address, ok := s.routes[host]; ok {
			return address
		}
		dot := strings.IndexByte(host[min(1, len(host)):], '.')
		if dot < 0 {
			return ""
		}
		host = host[dot+1:]
	}
}
