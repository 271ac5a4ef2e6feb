// Package token is where agents sign in to Azure, as the tests need it:
// Microsoft Entra ID, and the endpoints of managed identities on App Service
// and on a virtual machine (IMDS). It speaks their protocols to azidentity
// and MSAL as they are, which need to know nothing of it:
//
//   - SSL_CERT_FILE names the test's own CA. Go reads it when it verifies for
//     the first time, in a c-shared object too, and then trusts no other file.
//   - HTTPS_PROXY names a proxy on loopback, where the names that Azure's
//     services have lead to the test's. The agent so runs in its default
//     configuration: https://login.microsoftonline.com,
//     https://NAME.blob.core.windows.net, https://management.azure.com.
//   - IDENTITY_ENDPOINT and IDENTITY_HEADER are those of App Service.
//   - IMDS has a fixed address, http://169.254.169.254. In a network namespace
//     it is on loopback (InNamespace), elsewhere HTTP_PROXY leads there.
//
// The service can also be named itself, by AZURE_AUTHORITY_HOST, as that of a
// private cloud. MSAL then asks login.microsoftonline.com whether it is known
// (instance discovery) and is told, here as there, that it is not. A client of
// such a cloud must do without: azidentity's DisableInstanceDiscovery.
package token
