namespace Lora.Training;

/// <summary>Keeps the model that was loaded last, for all runs that read the same.</summary>
internal sealed class ModelCache : IDisposable
{
    private LoadedModel? loaded;

    /// <summary>The model of a source: the one that is there, or else it is loaded in its place.</summary>
    public LoadedModel Get(ModelSource source, IRunObserver observer)
    {
        if (loaded?.Source != source)
        {
            Dispose();
            loaded = LoadedModel.Load(source, observer);
        }

        return loaded;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        loaded?.Dispose();
        loaded = null;
    }
}
