using System.Net;

namespace Lora.Hub;

/// <summary>
/// A large file over several connections: its next parts are asked for at the same time and taken in their order, so that what is on the disk stays a
/// beginning, as other tools and a later download need it. What is lost of a part that was cut, and of those after it, is asked for again.
/// </summary>
/// <param name="ask">Asks for a file from one place to another, both included.</param>
/// <param name="size">Bytes of the file.</param>
/// <param name="options">How long a part is, and how patient to be.</param>
/// <param name="came">Told of bytes as they come, on any thread, and with a negative number of those that were lost before their turn to be taken.</param>
internal sealed class PartsAhead(Func<long, long, CancellationToken, Task<HttpResponseMessage>> ask, long size, HubOptions options, Action<long> came)
{
    private long waiting; // bytes that came and are not taken yet

    /// <summary>Whether enough is missing of a file that several connections are quicker than one.</summary>
    public static bool IsWorth(long missing, HubOptions options) => missing > 2 * options.PartBytes;

    /// <summary>Brings what is missing.</summary>
    /// <param name="position">Where it begins.</param>
    /// <param name="connections">How many parts are asked for at the same time.</param>
    /// <param name="take">Takes the next bytes.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>Whether the host gives parts; where it does not, nothing more was taken.</returns>
    /// <exception cref="LostConnectionException">A part was cut; what had come of it was taken.</exception>
    /// <exception cref="LoraException">One of the causes that begin with Hub.</exception>
    public async Task<bool> BringAsync(long position, int connections, Func<ReadOnlyMemory<byte>, Task> take, CancellationToken cancellation)
    {
        using CancellationTokenSource rest = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Queue<Task<Part?>> ahead = new();
        try
        {
            for (long next = position; next < size || ahead.Count > 0;)
            {
                for (; ahead.Count < connections && next < size; next += options.PartBytes)
                {
                    ahead.Enqueue(AskAsync(next, Math.Min(next + options.PartBytes, size), rest.Token));
                }

                if (await ahead.Dequeue().ConfigureAwait(false) is not Part part)
                {
                    return false;
                }

                await take(part.Bytes.AsMemory(0, part.Count)).ConfigureAwait(false);
                Interlocked.Add(ref waiting, -part.Count);
                if (part.Count < part.Bytes.Length)
                {
                    throw part.Lost ?? new(new HttpIOException(HttpRequestError.ResponseEnded));
                }
            }

            return true;
        }
        finally
        {
            await rest.CancelAsync().ConfigureAwait(false);
            await ((Task)Task.WhenAll(ahead)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // their failures, if any, come again when they are asked for
            came(-waiting);
        }
    }

    private async Task<Part?> AskAsync(long from, long end, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await ask(from, end - 1, cancellation).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != from)
        {
            return null;
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)(end - from));
        int count = 0;
        try
        {
            using HubBody body = await HubBody.OfAsync(response, options.Timeout, cancellation).ConfigureAwait(false);
            while (count < bytes.Length && await body.ReadAsync(bytes.AsMemory(count)).ConfigureAwait(false) is int read and > 0)
            {
                count += read;
                Interlocked.Add(ref waiting, read);
                came(read);
            }

            return new(bytes, count, null);
        }
        catch (LostConnectionException lost)
        {
            return new(bytes, count, lost);
        }
    }

    /// <summary>A part as far as it came.</summary>
    private sealed record Part(byte[] Bytes, int Count, LostConnectionException? Lost);
}
