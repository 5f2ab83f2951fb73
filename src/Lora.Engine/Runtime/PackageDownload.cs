using System.Net;
using System.Net.Http.Headers;
using Lora.Checkpoints;
using NuGet.Common;
using NuGet.Protocol;

namespace Lora.Runtime;

/// <summary>Fetches a file into one beside it, <c>NAME.part</c>, which stays where the work is cut, stopped or killed, and is gone on with by the next.</summary>
internal static class PackageDownload
{
    private const string Partial = ".part";
    private const int BufferBytes = 1 << 17;
    private const int MostFailures = 5; // in a row, without a byte between them

    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(300); // after the first failure; more after each one that follows

    /// <summary>Fetches what is not yet there, and gives the file its name.</summary>
    /// <param name="client">Sends the requests.</param>
    /// <param name="address">The file's address.</param>
    /// <param name="file">The file to write.</param>
    /// <param name="report">Told how many bytes are there.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="HttpRequestException">It is not to be had; also the other exceptions of <see cref="IsLost"/>.</exception>
    public static async Task FetchAsync(HttpSource client, Uri address, string file, Action<long> report, CancellationToken cancellation)
    {
        string partial = file + Partial;
        int failures = 0;
        while (!File.Exists(file))
        {
            long before = BytesOf(partial);
            report(before);
            try
            {
                await client.ProcessResponseAsync(
                    Request(address, before, null),
                    response => AppendAsync(response, partial, before, report, cancellation),
                    NullLogger.Instance,
                    cancellation).ConfigureAwait(false);
                FileChanges.Move(partial, file);
            }
            catch (Exception exception) when (IsLost(exception) && exception is not HttpRequestException { StatusCode: >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError })
            {
                failures = BytesOf(partial) > before ? 1 : failures + 1;
                if (failures == MostFailures)
                {
                    throw;
                }

                await Task.Delay(Wait * failures, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A request for a range of a file, both ends included.</summary>
    public static HttpSourceRequest Request(Uri address, long from, long? to) => new(() =>
    {
        HttpRequestMessage message = HttpRequestMessageFactory.Create(HttpMethod.Get, address, NullLogger.Instance);
        if (from > 0 || to is not null)
        {
            message.Headers.Range = new RangeHeaderValue(from, to);
        }

        return message;
    });

    /// <summary>All of a small answer, before anything looks at it: a reader of XML that waits for more would not be stopped.</summary>
    public static async Task<MemoryStream> WholeAsync(Stream body, CancellationToken cancellation)
    {
        MemoryStream whole = new();
        byte[] buffer = new byte[BufferBytes];
        while (await ReadAsync(body, buffer, cancellation).ConfigureAwait(false) is int count and > 0)
        {
            whole.Write(buffer, 0, count);
        }

        whole.Position = 0;
        return whole;
    }

    /// <summary>Whether a failure is one of the connection, or of what answers.</summary>
    public static bool IsLost(Exception exception) => exception is HttpRequestException or HttpIOException or TimeoutException or LostConnectionException;

    private static async Task<bool> AppendAsync(HttpResponseMessage response, string partial, long before, Action<long> report, CancellationToken cancellation)
    {
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            if (response.Content.Headers.ContentRange?.Length == before)
            {
                return true; // the process was killed before the file got its name
            }

            File.Delete(partial);
            throw new LostConnectionException("the file became shorter");
        }

        HttpContentHeaders headers = response.EnsureSuccessStatusCode().Content.Headers;
        bool goesOn = response.StatusCode == HttpStatusCode.PartialContent && headers.ContentRange?.From == before;
        long? whole = goesOn ? headers.ContentRange?.Length : headers.ContentLength;
        using FileStream stream = new(partial, goesOn ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.Read);
        using Stream body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        byte[] buffer = new byte[BufferBytes];
        while (await ReadAsync(body, buffer, cancellation).ConfigureAwait(false) is int count and > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, count), cancellation).ConfigureAwait(false);
            report(stream.Position);
        }

        return whole is null || stream.Position >= whole ? true : throw new LostConnectionException("the connection was closed");
    }

    // What fails in reading is the connection's, what fails in writing the disk's: both are IOExceptions.
    private static async Task<int> ReadAsync(Stream body, byte[] buffer, CancellationToken cancellation)
    {
        try
        {
            return await body.ReadAsync(buffer, cancellation).ConfigureAwait(false);
        }
        catch (IOException exception)
        {
            throw new LostConnectionException(exception.Message, exception);
        }
    }

    private static long BytesOf(string file) => File.Exists(file) ? new FileInfo(file).Length : 0;

    private sealed class LostConnectionException(string message, Exception? inner = null) : Exception(message, inner);
}
