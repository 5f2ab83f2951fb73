namespace Lora.Commands;

/// <summary>What a training reads, of the parameters that name it.</summary>
internal static class DatasetArgument
{
    /// <summary>The files to learn from and to take losses on.</summary>
    /// <param name="dataset">Paths of files and folders; wildcards are allowed.</param>
    /// <param name="weights">One number for each path; null where each counts once.</param>
    /// <param name="validation">What the loss is taken on; null for nothing.</param>
    /// <param name="paths">Finds them.</param>
    /// <exception cref="LoraException">ConfigValueInvalid, or what is wrong with a path.</exception>
    public static TrainingData Data(IReadOnlyList<string> dataset, double[]? weights, ValidationArgument? validation, PathResolver paths)
    {
        IReadOnlyList<string>[] named = [.. dataset.Select(paths.All)];
        if (weights is not null && weights.Length != named.Length)
        {
            throw LoraException.Of(
                LoraError.ConfigValueInvalid, weights, nameof(InvokeLoraTrainingCommand.DatasetWeight), $"{weights.Length} numbers for {named.Length} datasets", "one for each that -Dataset names");
        }

        // What a wildcard finds has the weight of the wildcard.
        double[] each = weights is null ? [] : [.. named.Zip(weights).SelectMany(pair => Enumerable.Repeat(pair.Second, pair.First.Count))];
        return new([.. named.SelectMany(found => found)], validation?.Sets(paths) ?? []) { DatasetWeight = each };
    }

    /// <summary>Refuses a table of several validation sets without an order where one of them has to decide and none is named.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid.</exception>
    public static void CheckOrder(ValidationArgument? validation, string? bestBy)
    {
        if (bestBy is null && validation is { HasOrder: false })
        {
            throw LoraException.Of(
                LoraError.ConfigValueInvalid, validation, nameof(InvokeLoraTrainingCommand.BestBy), "not given", "the name of the set that the best adapter goes by: a hashtable has no first one, unless it is [ordered]");
        }
    }
}
