using System.Net;
using System.Net.Http.Headers;
using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>A file of a model on a hub, of which the beginning is read, or all where it is small; a host that knows no ranges is hung up on when enough has come.</summary>
/// <param name="client">Asks the hub.</param>
/// <param name="model">The model at its commit.</param>
/// <param name="file">The file.</param>
internal sealed class RemoteFile(HubClient client, HubModel model, HubFile file)
{
    private const int MostBytes = 100_000_000;

    /// <summary>Reads all of it.</summary>
    /// <exception cref="LoraException">One of the causes that begin with Hub.</exception>
    public async Task<byte[]> ReadAsync(CancellationToken cancellation) => (await ReadAsync(null, MostBytes, cancellation).ConfigureAwait(false)).Bytes;

    /// <summary>Reads the header of a safetensors file: in one request where it is no longer than expected, else in two.</summary>
    /// <param name="guess">How long it is expected to be.</param>
    /// <param name="problems">Gets what is wrong with it.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The header; null when anything is wrong with it.</returns>
    /// <exception cref="LoraException">One of the causes that begin with Hub.</exception>
    public async Task<SafetensorsHeader?> ReadHeaderAsync(int guess, List<LoraProblem> problems, CancellationToken cancellation)
    {
        int asked = Math.Max(guess, SafetensorsHeader.PrefixLength);
        (byte[] bytes, long? total) = await ReadAsync(0, asked, cancellation).ConfigureAwait(false);
        long fileLength = file.Size ?? total ?? long.MaxValue;
        if (SafetensorsHeader.LengthOf(ToString(), bytes.AsSpan(0, Math.Min(bytes.Length, SafetensorsHeader.PrefixLength)), fileLength, problems) is not int length)
        {
            return null;
        }

        int end = SafetensorsHeader.PrefixLength + length;
        if (end > bytes.Length)
        {
            bytes = [.. bytes, .. (await ReadAsync(bytes.Length, end - bytes.Length, cancellation).ConfigureAwait(false)).Bytes];
        }

        return end <= bytes.Length
            ? SafetensorsHeader.Parse(ToString(), bytes[SafetensorsHeader.PrefixLength..end], fileLength, problems)
            : throw Short();
    }

    /// <summary>The file with its model, as messages and modules name it.</summary>
    public override string ToString() => $"{model.Name}/{file.Path}";

    /// <summary>Reads a stretch; a lost connection is tried again.</summary>
    /// <param name="from">Where it begins; null for the whole file.</param>
    /// <param name="count">Its length at the most.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The bytes, fewer where the file ends before, and the length of the file where the host says it.</returns>
    private async Task<(byte[] Bytes, long? Total)> ReadAsync(long? from, int count, CancellationToken cancellation)
    {
        HubRequest request = new()
        {
            Address = model.PathOf(file.Path),
            Model = model,
            File = file.Path,
            Range = from is long begin ? new RangeHeaderValue(begin, begin + count - 1) : null,
        };
        for (int attempt = 1; ; attempt++)
        {
            using HttpResponseMessage response = await client.SendAsync(request, cancellation).ConfigureAwait(false);
            try
            {
                return await ReadAsync(response, from ?? 0, count, cancellation).ConfigureAwait(false);
            }
            catch (Exception exception) when (HubRetry.IsLost(exception) && !cancellation.IsCancellationRequested)
            {
                await client.WaitAsync(HubRetry.Backoff(attempt, client.Options), HubFailure.Of(request, exception, client.Options), attempt, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task<(byte[] Bytes, long? Total)> ReadAsync(HttpResponseMessage response, long from, int count, CancellationToken cancellation)
    {
        bool isPart = response.StatusCode == HttpStatusCode.PartialContent;
        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        if (isPart && range?.From != from)
        {
            throw Short();
        }

        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(client.Options.Timeout);
        using Stream body = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
        using MemoryStream bytes = new();
        byte[] buffer = new byte[Math.Min(count, 1 << 16)];
        long skipped = isPart ? from : 0;
        while (bytes.Length < count)
        {
            long left = skipped < from ? from - skipped : count - bytes.Length;
            int read = await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)), silence.Token).ConfigureAwait(false);
            if (read == 0)
            {
                break;
            }

            silence.CancelAfter(client.Options.Timeout);
            if (skipped < from)
            {
                skipped += read;
            }
            else
            {
                bytes.Write(buffer, 0, read);
            }
        }

        return (bytes.ToArray(), isPart ? range?.Length : response.Content.Headers.ContentLength);
    }

    private LoraException Short() => LoraException.Of(LoraError.HubFailed, model.Name, client.Options.Endpoint.Authority, "another part than was asked for", ToString(), "");
}
