namespace Lora.Hub;

/// <summary>What follows an answer's headers, as it comes. A connection that is cut or falls silent is told apart from a disk that fails.</summary>
internal sealed class HubBody : IDisposable
{
    private readonly Stream stream;
    private readonly TimeSpan timeout;
    private readonly CancellationTokenSource silence;

    private HubBody(Stream stream, TimeSpan timeout, CancellationToken cancellation)
    {
        this.stream = stream;
        this.timeout = timeout;
        silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    }

    /// <summary>The body of an answer.</summary>
    /// <param name="response">The answer, which outlives it.</param>
    /// <param name="timeout">Time without a byte after which the connection counts as lost.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static async Task<HubBody> OfAsync(HttpResponseMessage response, TimeSpan timeout, CancellationToken cancellation) =>
        new(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false), timeout, cancellation);

    /// <summary>Reads some bytes; 0 at the end.</summary>
    /// <exception cref="LostConnectionException">No more come, or the reading was ended.</exception>
    public async Task<int> ReadAsync(Memory<byte> buffer)
    {
        silence.CancelAfter(timeout);
        try
        {
            return await stream.ReadAsync(buffer, silence.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (HubRetry.IsLost(exception))
        {
            throw new LostConnectionException(exception);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        silence.Dispose();
        stream.Dispose();
    }
}

/// <summary>A connection that was lost while a body came.</summary>
internal sealed class LostConnectionException(Exception inner) : Exception(inner.Message, inner);
