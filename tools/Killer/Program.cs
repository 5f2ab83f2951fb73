using System.Globalization;
using Lora.Tools.Killer;

// dotnet run -c Release --project tools/Killer -- 500 : kills that many runs, goes on with each, and compares what they come to.
// run FOLDER [MOMENT] : a run that ends itself at a moment.
return args switch
{
    ["run", string folder] => KilledRun.Run(folder, moment: ""),
    ["run", string folder, string moment] => KilledRun.Run(folder, moment),
    [string kills] when int.TryParse(kills, NumberStyles.None, CultureInfo.InvariantCulture, out int count) => Campaign.Run(count),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project tools/Killer -- KILLS");
    return 2;
}
