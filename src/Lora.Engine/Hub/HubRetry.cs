using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Lora.Hub;

/// <summary>Which failures pass by themselves, and how long it is waited for them.</summary>
internal static partial class HubRetry
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(8);

    /// <summary>Whether a connection was cut, fell silent or did not come about.</summary>
    public static bool IsLost(Exception exception) => exception is HttpRequestException or IOException or OperationCanceledException;

    /// <summary>The wait that an answer asks for; null where another attempt would be answered alike, or later than is waited for.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="attempt">The attempt that it answers, from 1.</param>
    /// <param name="options">How patient.</param>
    /// <param name="isSignedAnew">Whether another attempt asks the hub first, which signs the address at another host anew: the old one may have run out.</param>
    public static TimeSpan? Wait(HttpResponseMessage response, int attempt, HubOptions options, bool isSignedAnew = false)
    {
        bool passes = response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
            || (response.StatusCode >= HttpStatusCode.InternalServerError && response.StatusCode is not (HttpStatusCode.NotImplemented or HttpStatusCode.HttpVersionNotSupported))
            || (isSignedAnew && response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden && HubFailure.IsElsewhere(response, options));
        TimeSpan wait = Asked(response) ?? Backoff(attempt, options);
        return passes && wait <= options.LongestWait ? wait : null;
    }

    /// <summary>The wait after a lost connection; null where another would be lost alike.</summary>
    /// <param name="exception">How it was lost.</param>
    /// <param name="attempt">The attempt that was lost, from 1.</param>
    /// <param name="options">How patient.</param>
    /// <param name="wasAnswered">Whether the hub has ever answered. Where it has not, a name that nobody knows and a port where nobody listens are mistakes, not holes in the network.</param>
    public static TimeSpan? Wait(Exception exception, int attempt, HubOptions options, bool wasAnswered) => (exception as HttpRequestException)?.HttpRequestError switch
    {
        HttpRequestError.SecureConnectionError or HttpRequestError.UserAuthenticationError or HttpRequestError.ProxyTunnelError => null,
        HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError when !wasAnswered => null,
        _ => Backoff(attempt, options),
    };

    /// <summary>Twice as long after each attempt, a little less at random so that parallel requests do not all come back at once.</summary>
    public static TimeSpan Backoff(int attempt, HubOptions options)
    {
        TimeSpan wait = options.FirstWait * Math.Pow(2, attempt - 1);
        return (wait < Longest ? wait : Longest) * (1 - (0.25 * Random.Shared.NextDouble()));
    }

    /// <summary>What the hub asks for: Retry-After (RFC 9110, 10.2.3), or the seconds after which its limit begins anew (RateLimit: "api";r=0;t=55).</summary>
    private static TimeSpan? Asked(HttpResponseMessage response)
    {
        TimeSpan? after = response.Headers.RetryAfter switch
        {
            { Delta: TimeSpan delta } => delta,
            { Date: DateTimeOffset date } => date - DateTimeOffset.UtcNow,
            _ => response.Headers.TryGetValues("RateLimit", out IEnumerable<string>? limits) && Reset().Match(string.Join(',', limits)) is { Success: true } match
                ? TimeSpan.FromSeconds(int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)) : null,
        };
        return after is { Ticks: < 0 } ? TimeSpan.Zero : after;
    }

    [GeneratedRegex(@"r=0;\s*t=(\d{1,6})")]
    private static partial Regex Reset();
}
