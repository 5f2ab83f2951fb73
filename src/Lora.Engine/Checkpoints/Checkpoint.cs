using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;

namespace Lora.Checkpoints;

/// <summary>
/// A model's tensors on disk: a folder, one safetensors file, or the files of a shard index. Opening reads headers only;
/// values are read on demand, by any number of threads at once.
/// </summary>
/// <remarks>
/// The first stage of a model's way. It takes a path and gives names, shapes, dtypes and places in files, from which the module tree, the choice of
/// targets and every preview are made; values come only when they are asked for, straight into the memory that the caller names. Headers are held
/// against their files before anything is allocated, and what is wrong with any of many shards is reported at once. Pickles are never opened.
/// </remarks>
public sealed class Checkpoint : IDisposable
{
    private readonly Dictionary<string, TensorInfo> byName;
    private readonly ConcurrentDictionary<string, Lazy<SafeFileHandle>> handles = new(StringComparer.Ordinal);
    private volatile bool disposed;

    private Checkpoint(string path, CheckpointFiles files, Dictionary<string, TensorInfo> tensors)
    {
        Path = path;
        Folder = files.Folder;
        Files = files.Files;
        Index = files.Index?.Path;
        Tensors = [.. tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)];
        byName = tensors;
    }

    /// <summary>The full path that was opened.</summary>
    public string Path { get; }

    /// <summary>The model's folder; null when one safetensors file was opened.</summary>
    public string? Folder { get; }

    /// <summary>The full paths of the safetensors files.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The full path of the shard index; null without one.</summary>
    public string? Index { get; }

    /// <summary>All tensors, in ordinal order of their names.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Finds the files and reads their headers.</summary>
    /// <param name="path">A model's folder, a .safetensors file, or a shard index.</param>
    /// <exception cref="LoraException">
    /// Nothing is there, it is a pickle, files are missing or damaged: everything that is wrong with any of the files is reported.
    /// </exception>
    public static Checkpoint Open(string path)
    {
        CheckpointFiles files = CheckpointFiles.Locate(path);
        return new(System.IO.Path.GetFullPath(path), files, ShardHeaders.Read(files));
    }

    /// <summary>Finds a tensor by its exact name.</summary>
    public bool TryFind(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TensorInfo? tensor) =>
        byName.TryGetValue(name, out tensor);

    /// <summary>Reads a whole tensor, little-endian as on disk.</summary>
    /// <param name="tensor">A tensor of this checkpoint.</param>
    /// <param name="destination">As many bytes as the tensor has.</param>
    /// <exception cref="LoraException">The file is unreadable or was cut off since it was opened.</exception>
    public void Read(TensorInfo tensor, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, tensor.Length, nameof(destination));
        Read(tensor, 0, destination);
    }

    /// <summary>Reads a part of a tensor; the way to read one that is larger than a span can be.</summary>
    /// <param name="tensor">A tensor of this checkpoint.</param>
    /// <param name="skip">The bytes of the tensor to leave out at its start.</param>
    /// <param name="destination">Filled whole; it ends within the tensor.</param>
    /// <exception cref="LoraException">The file is unreadable or was cut off since it was opened.</exception>
    public void Read(TensorInfo tensor, long skip, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(skip, tensor.Length - destination.Length);
        try
        {
            if (!FileBytes.TryRead(Handle(tensor.File), tensor.Offset + skip, destination))
            {
                throw LoraException.Of(LoraError.SafetensorsTruncated, tensor.File, tensor.File, $"it ends inside the tensor '{tensor.Name}'");
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, tensor.File, tensor.File, exception.Message);
        }
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        disposed = true;
        foreach (Lazy<SafeFileHandle> handle in handles.Values.Where(handle => handle.IsValueCreated))
        {
            handle.Value.Dispose();
        }
    }

    private SafeFileHandle Handle(string file)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        // Lazy, since two threads may both make a value, and a handle too many would stay open.
        return handles.GetOrAdd(file, static path => new(() => File.OpenHandle(path))).Value;
    }
}
