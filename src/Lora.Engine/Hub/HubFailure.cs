using System.Net;

namespace Lora.Hub;

/// <summary>
/// What a refusal or a lost connection means to the user, told by the status and the hub's <c>X-Error-Code</c>. Addresses are named without what follows
/// their question mark, which may be a signature, and the token is taken out of whatever a server says.
/// </summary>
internal static class HubFailure
{
    /// <summary>The failure that an answer is.</summary>
    public static LoraException Of(HubRequest request, HttpResponseMessage response, HubOptions options)
    {
        string host = response.RequestMessage?.RequestUri?.Authority ?? options.Endpoint.Authority;
        string code = Header(response, "X-Error-Code");
        string said = HubToken.Hide(options.Token, Header(response, "X-Error-Message"));
        string name = request.Model?.Name ?? request.Subject;
        bool isStorage = IsElsewhere(response, options);
        string token = options.Token is null ? "no token was sent" : "a token was sent";
        return (code, response.StatusCode) switch
        {
            ("GatedRepo", _) => LoraException.Of(LoraError.HubGated, name, name, $"{options.Endpoint.AbsoluteUri.TrimEnd('/')}/{name}", token),
            ("RevisionNotFound", _) => LoraException.Of(LoraError.HubRevisionNotFound, request.Model?.Revision, name, request.Model?.Revision ?? "", host),
            ("EntryNotFound", _) => LoraException.Of(LoraError.HubFileNotFound, request.File, request.Model?.ToString() ?? name, request.File ?? "", host),
            ("RepoNotFound", _) => LoraException.Of(LoraError.HubModelNotFound, name, name, host, token),
            (_, HttpStatusCode.ProxyAuthenticationRequired) => LoraException.Of(LoraError.HubUnreachable, name, host, request.Subject, $"the proxy on the way asks who asks ({Said(response, "", options)})"),
            (_, HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden) when isStorage => LoraException.Of(LoraError.HubStorageRefused, name, host, request.Subject, Said(response, said, options)),
            (_, HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden) =>
                LoraException.Of(LoraError.HubAccessDenied, name, host, request.Subject, Said(response, said, options), token),
            (_, HttpStatusCode.NotFound) => request.File is null
                ? LoraException.Of(LoraError.HubModelNotFound, name, name, host, token)
                : LoraException.Of(LoraError.HubFileNotFound, request.File, request.Model?.ToString() ?? name, request.File, host),
            (_, HttpStatusCode.TooManyRequests) => LoraException.Of(LoraError.HubTooManyRequests, name, host, After(response)),
            _ => LoraException.Of(LoraError.HubFailed, name, host, Said(response, "", options), request.Subject, said.Length > 0 ? $": {said}" : ""),
        };
    }

    /// <summary>The failure that a lost connection is.</summary>
    public static LoraException Of(HubRequest request, Exception exception, HubOptions options)
    {
        string reason = exception switch
        {
            OperationCanceledException => $"nothing came for {options.Timeout.TotalSeconds:0.#} s",
            HttpRequestException { HttpRequestError: not (HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError), InnerException: Exception inner } => inner.Message.TrimEnd('.'),
            _ => exception.Message.TrimEnd('.'),
        };
        string host = request.Address.StartsWith('/') ? options.Endpoint.Authority : new Uri(request.Address).Authority;
        string proxy = exception is HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError } ? "the proxy on the way to " : "";
        return LoraException.From(exception, LoraError.HubUnreachable, request.Model?.Name, proxy + host, request.Subject, HubToken.Hide(options.Token, reason));
    }

    /// <summary>Whether another host than the endpoint answered, to which the hub had led.</summary>
    public static bool IsElsewhere(HttpResponseMessage response, HubOptions options) => response.RequestMessage?.RequestUri is Uri address && !HubClient.IsSame(address, options.Endpoint);

    private static string Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? string.Join(", ", values) : "";

    private static string Said(HttpResponseMessage response, string said, HubOptions options) =>
        $"{(int)response.StatusCode} {(said.Length > 0 ? said : HubToken.Hide(options.Token, response.ReasonPhrase ?? ""))}".TrimEnd();

    private static string After(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: TimeSpan delta } => $", and asks to wait {delta.TotalSeconds:0} s",
        { Date: DateTimeOffset date } => $", and asks to wait until {date:u}",
        _ => "",
    };
}
