using Lora.Adapters;

namespace Lora.Training;

/// <summary>Plans every point of a sweep before any is trained: what is wrong with one is found before hours were spent on the others.</summary>
internal static class SweepPlan
{
    /// <summary>The points that can be trained.</summary>
    /// <param name="points">All points.</param>
    /// <param name="options">How they are gone over.</param>
    /// <param name="begun">The time that chat templates write.</param>
    /// <param name="onFailure">Told of each point that cannot be trained.</param>
    /// <exception cref="LoraException">None can be trained.</exception>
    public static List<RunningPoint> Of(
        IReadOnlyList<SweepPoint> points, SweepOptions options, DateTimeOffset begun, Action<SweepPoint, LoraException> onFailure)
    {
        SweepRungs rungs = new(points.Count, options.Factor);
        List<(RunningPoint Point, TrainingPlan Plan)> planned = [];
        List<(SweepPoint Point, LoraException Failure)> failed = [];
        foreach (SweepPoint given in points)
        {
            SweepPoint point = given with { Options = given.Options with { Overwrite = options.Overwrite } };
            RunningPoint running = new(point, options.OutputPath is string folder ? Path.Combine(folder, point.Name) : null, new() { Name = point.Name });
            try
            {
                // Whether what lies in the folder is this point's is found when it is compared with the record.
                TrainingOptions planOptions = running.OptionsOf(1, rungs) with { Overwrite = options.Overwrite || options.Resume, Prompt = point.Options.Prompt };
                TrainingPlan plan = TrainingPlan.Make(point.Config, point.Data, planOptions, begun);
                planned.Add((running, plan));
                running.Plan = options.Resume ? null : plan;
                running.Swept = running.Swept with
                {
                    Parameter = point.Parameter.ToDictionary(entry => entry.Key, entry => SweepPoint.TextOf(entry.Value)),
                    Identity = plan.Identity,
                };
            }
            catch (LoraException exception)
            {
                failed.Add((point, exception));
            }
        }

        if (planned.Count == 0)
        {
            // One cause most often: each is said once.
            throw LoraException.Of([.. failed.SelectMany(entry => entry.Failure.Problems).DistinctBy(problem => problem.Message)]);
        }

        failed.ForEach(entry => onFailure(entry.Point, entry.Failure));
        foreach (IGrouping<string, (RunningPoint Point, TrainingPlan Plan)> model in planned.GroupBy(entry => entry.Plan.Folder, StringComparer.Ordinal))
        {
            // What is outside of blocks may be the embedding, below which there is nothing.
            int lowest = model.SelectMany(entry => entry.Plan.Targets).Min(target => BlockPlace.Of(target.Module)?.Block ?? 0);
            model.ToList().ForEach(entry => entry.Point.Block = lowest);
        }

        return [.. planned.Select(entry => entry.Point)];
    }
}
