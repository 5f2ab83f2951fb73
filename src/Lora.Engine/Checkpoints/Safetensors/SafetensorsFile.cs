namespace Lora.Checkpoints;

/// <summary>Reads a small safetensors file whole, an adapter for example.</summary>
public static class SafetensorsFile
{
    /// <summary>Reads all tensors into memory, in the order in which they lie in the file.</summary>
    /// <exception cref="LoraException">The file is missing, unreadable or damaged, or a tensor is too large for one array.</exception>
    public static IReadOnlyList<TensorData> ReadAll(string path)
    {
        using Checkpoint checkpoint = Checkpoint.Open(path);
        return [.. checkpoint.Tensors.OrderBy(tensor => tensor.Offset).Select(tensor => Read(checkpoint, tensor))];
    }

    private static TensorData Read(Checkpoint checkpoint, TensorInfo tensor)
    {
        if (tensor.Length > Array.MaxLength)
        {
            throw LoraException.Of(LoraError.FileUnreadable, tensor.File, tensor.File, $"The tensor '{tensor.Name}' has {tensor.Length} bytes, more than fit into one array.");
        }

        byte[] bytes = new byte[tensor.Length];
        checkpoint.Read(tensor, bytes);
        return new(tensor.Name, tensor.DataType, tensor.Shape, bytes);
    }
}
