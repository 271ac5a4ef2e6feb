package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// CA signs the certificates of a test's services.
type CA struct {
	File string // for SSL_CERT_FILE
	Pool *x509.CertPool

	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	last atomic.Int64
}

// NewCA is valid to the end of the test.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca := &CA{t: t, dir: t.TempDir(), Pool: x509.NewCertPool(), key: newKey(t)}
	template := ca.template("nsgflow test CA")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &ca.key.PublicKey, ca.key)
	check(t, err)
	ca.cert, err = x509.ParseCertificate(der)
	check(t, err)
	ca.Pool.AddCert(ca.cert)
	ca.File = ca.write("ca.pem", "CERTIFICATE", der)
	return ca
}

// Files are a certificate and its key in PEM, for names and addresses.
func (ca *CA) Files(hosts ...string) (cert, key string) {
	ca.t.Helper()
	private := newKey(ca.t)
	template := ca.template(hosts[0])
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &private.PublicKey, ca.key)
	check(ca.t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	check(ca.t, err)
	name := fmt.Sprintf("server%d", template.SerialNumber)
	return ca.write(name+".pem", "CERTIFICATE", der), ca.write(name+".key", "PRIVATE KEY", keyDER)
}

// Server is the TLS side of a service with such a certificate.
func (ca *CA) Server(hosts ...string) *tls.Config {
	ca.t.Helper()
	pair, err := tls.LoadX509KeyPair(ca.Files(hosts...))
	check(ca.t, err)
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

func (ca *CA) template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(ca.last.Add(1)),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

func (ca *CA) write(name, kind string, der []byte) string {
	path := filepath.Join(ca.dir, name)
	check(ca.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return key
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
