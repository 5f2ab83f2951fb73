using System.Net;
using System.Net.Http.Headers;
using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>
/// One content on its way into the cache. What has come stays in <c>HASH.incomplete</c>, always a beginning, whoever wrote it: the next one that holds the
/// lock goes on from there, and the hash of the whole decides whether it becomes the blob.
/// </summary>
/// <param name="client">Asks the hub.</param>
/// <param name="model">The model at its commit.</param>
/// <param name="file">The file; size and hash are known.</param>
/// <param name="cache">The model's folder.</param>
/// <param name="connections">How many parts of the file are asked for at the same time, where it is large.</param>
/// <param name="came">Told of bytes as they come, negative where what was there was of no use.</param>
internal sealed class BlobDownload(HubClient client, HubModel model, HubFile file, ModelCache cache, int connections, Action<long> came)
{
    private const int BufferBytes = 1 << 20;

    // A signature of the address at the other host ends after an hour; each piece gets a new one. Larger answers some hosts do not give.
    private const long PieceBytes = 8L << 30;

    private readonly long size = file.Size!.Value;
    private readonly string hash = file.Hash!;
    private bool hasParts = connections > 1;

    /// <summary>Downloads what is missing of it.</summary>
    /// <exception cref="LoraException">One of the causes that begin with Hub, or OutputFailed.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; what came is kept.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        string incomplete = cache.Incomplete(hash);
        Directory.CreateDirectory(Path.GetDirectoryName(incomplete)!);
        try
        {
            using (FileStream stream = new(incomplete, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0))
            using (ContentHash content = new(hash, size))
            {
                await FillAsync(stream, content, cancellation).ConfigureAwait(false);
                stream.Flush(flushToDisk: true);
            }

            FileChanges.Move(incomplete, cache.Blob(hash), overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.OutputFailed, incomplete, incomplete, exception.Message);
        }
    }

    private async Task FillAsync(FileStream stream, ContentHash content, CancellationToken cancellation)
    {
        bool isOurs = await TakeUpAsync(stream, content, cancellation).ConfigureAwait(false) == 0;
        while (true)
        {
            await ReceiveAsync(stream, content, cancellation).ConfigureAwait(false);
            if (content.Fault() is not string fault)
            {
                return;
            }

            Restart(stream, content);
            if (isOurs)
            {
                throw LoraException.Of(LoraError.HubFileDamaged, file.Path, file.Path, model.Name, fault);
            }

            isOurs = true; // what was there before was no beginning of it
        }
    }

    /// <summary>Reads what an earlier download left.</summary>
    /// <returns>Its length.</returns>
    private async Task<long> TakeUpAsync(FileStream stream, ContentHash content, CancellationToken cancellation)
    {
        if (stream.Length > size)
        {
            stream.SetLength(0);
        }

        byte[] buffer = new byte[BufferBytes];
        for (int count; (count = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0;)
        {
            content.Add(buffer.AsSpan(0, count));
            came(count);
        }

        return stream.Position;
    }

    /// <summary>Asks for what is missing until it is there. A cut is gone on from; without a byte more it is one of so many attempts.</summary>
    private async Task ReceiveAsync(FileStream stream, ContentHash content, CancellationToken cancellation)
    {
        int attempt = 0;
        while (stream.Position < size)
        {
            long before = stream.Position;
            LoraException? failure = null;
            try
            {
                await ReceivePieceAsync(stream, content, cancellation).ConfigureAwait(false);
            }
            catch (LostConnectionException lost) when (!cancellation.IsCancellationRequested)
            {
                failure = HubFailure.Of(Request(stream.Position), lost.InnerException!, client.Options);
            }

            if (stream.Position > before)
            {
                attempt = 0;
            }
            else
            {
                attempt++;
                failure ??= LoraException.Of(LoraError.HubFailed, model.Name, client.Options.Endpoint.Authority, "another part than was asked for", file.Path, "");
            }

            if (failure is not null)
            {
                int number = Math.Max(attempt, 1);
                await client.WaitAsync(HubRetry.Backoff(number, client.Options), failure, number, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task ReceivePieceAsync(FileStream stream, ContentHash content, CancellationToken cancellation)
    {
        if (hasParts && PartsAhead.IsWorth(size - stream.Position, client.Options))
        {
            PartsAhead parts = new((from, to, token) => client.SendAsync(Request(from) with { Range = new(from, to) }, token), size, client.Options, came);
            hasParts = await parts.BringAsync(stream.Position, connections, bytes => TakeAsync(stream, content, bytes), cancellation).ConfigureAwait(false);
            if (hasParts)
            {
                return;
            }
        }

        using HttpResponseMessage response = await client.SendAsync(Request(stream.Position), cancellation).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.PartialContent && stream.Position > 0)
        {
            Restart(stream, content); // a host that knows no ranges sends all of it
        }
        else if (response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From != stream.Position)
        {
            return;
        }

        using HubBody body = await HubBody.OfAsync(response, client.Options.Timeout, cancellation).ConfigureAwait(false);
        byte[] buffer = new byte[(int)Math.Min(BufferBytes, size)];
        while (stream.Position < size)
        {
            int count = await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, size - stream.Position))).ConfigureAwait(false);
            if (count == 0)
            {
                return;
            }

            await TakeAsync(stream, content, buffer.AsMemory(0, count)).ConfigureAwait(false);
            came(count);
        }
    }

    private static async Task TakeAsync(FileStream stream, ContentHash content, ReadOnlyMemory<byte> bytes)
    {
        await stream.WriteAsync(bytes, CancellationToken.None).ConfigureAwait(false);
        content.Add(bytes.Span);
    }

    private void Restart(FileStream stream, ContentHash content)
    {
        came(-stream.Position);
        stream.SetLength(0);
        stream.Position = 0;
        content.Reset();
    }

    private HubRequest Request(long from) => new()
    {
        Address = model.PathOf(file.Path),
        Model = model,
        File = file.Path,
        Range = from > 0 || size > PieceBytes ? new RangeHeaderValue(from, Math.Min(from + PieceBytes, size) - 1) : null,
    };
}
