namespace Lora.Checkpoints;

/// <summary>The format's rule that tensors fill the file behind the header: in a row, without overlap, gap or rest.</summary>
internal static class TensorLayout
{
    /// <summary>Checks tensors that are sorted by offset; each has a size that fits its type and shape.</summary>
    public static void Check(string path, IReadOnlyList<TensorInfo> tensors, long dataStart, long fileLength, List<LoraProblem> problems)
    {
        long expected = dataStart;
        foreach (TensorInfo tensor in tensors)
        {
            if (tensor.Offset != expected)
            {
                string reason = tensor.Offset < expected
                    ? $"it begins {expected - tensor.Offset} bytes inside the tensor before it"
                    : $"it leaves {tensor.Offset - expected} bytes unused before it";
                problems.Add(new(LoraError.TensorOffsetsInvalid, path, path, tensor.Name, reason));
            }

            expected = Math.Max(expected, tensor.Offset + tensor.Length);
        }

        if (expected != fileLength)
        {
            string reason = expected > fileLength
                ? $"its tensors end at byte {expected}; the file has {fileLength}"
                : $"{fileLength - expected} bytes follow its last tensor";
            problems.Add(new(LoraError.SafetensorsTruncated, path, path, reason));
        }
    }
}
